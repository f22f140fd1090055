"""Delays: from when a partition was due until it landed, and from its landing until its first publication."""

from collections.abc import Callable
from datetime import timedelta

from landfall.reporting import canvas, words
from landfall.reporting.axis import Delays, date_axis
from landfall.reporting.canvas import Size
from landfall.reporting.charts import Chart, chart, samples_of
from landfall.reporting.facts import PartitionLife, Report
from landfall.reporting.series import Point, draw_points, feed_series, thinned

Delay = Callable[[PartitionLife], timedelta | None]


def delay_charts(report: Report) -> list[Chart]:
    """Both charts; a chart without data is left out."""
    landing = _chart(report, "landing", "Landed, against the deadline", lambda life: life.landing_delay, "due")
    publishing = _chart(report, "publishing", "From landing to published", lambda life: life.publishing_delay, "0")
    return [delays for delays in (landing, publishing) if delays]


def _chart(report: Report, name: str, title: str, delay: Delay, zero: str) -> Chart | None:
    points_of = {
        facts.feed.name: [
            Point(life.partition, waited.total_seconds()) for life in facts.lives if (waited := delay(life)) is not None
        ]
        for facts in report.feeds
    }
    if not any(points_of.values()):
        return None
    thin = {feed: thinned(points) for feed, points in points_of.items()}
    series, group = feed_series({feed: points for feed, (points, _) in thin.items()}), max(n for _, n in thin.values())
    points = [point for line in series for point in line.points]
    scale = Delays([point.value for point in points], zero)
    says = f"{title}: {'; '.join(_sentence(feed, points) for feed, points in points_of.items() if points)}."

    def draw(size: Size, name: str) -> str:
        figure, (panel,) = canvas.axes(size, (180,), top=22, left=58)
        draw_points(panel, series)
        scale.dress(panel)
        panel.axhline(0, color=canvas.INK, linewidth=1)
        if group > 1:
            panel.set_title(
                f"a point is the longest of {group} partitions", loc="left", fontsize=11, color=canvas.MUTED
            )
        date_axis(panel, size, [point.partition for point in points])
        return canvas.svg(figure, size, name, says)

    samples = [(text, {**style, "linestyle": "none"}) for text, style in samples_of(series)]
    return chart(name, title, says, draw, samples)


def _sentence(feed: str, points: list[Point]) -> str:
    values = sorted(point.value for point in points)
    return f"{feed} {_signed(values[len(values) // 2])} (median), {_signed(values[-1])} at most"


def _signed(seconds: float) -> str:
    return ("−" if seconds < 0 else "") + words.duration(timedelta(seconds=seconds))
