"""Delays: from when a partition was due until it landed, and from its landing until its first publication."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from math import ceil, floor
from statistics import median
from typing import TYPE_CHECKING

from landfall.reporting import words
from landfall.reporting.charts import Chart, Size, chart, library
from landfall.reporting.facts import PartitionLife, Report
from landfall.reporting.series import CROWDED, Point, Span, palette, rows, thinned, time_axis

if TYPE_CHECKING:
    import altair as alt

SKEWED = 30
"""If the longest delay is more than this many times the median one, it would flatten the others: the axis is logarithmic."""
STEPS = {
    "10 min": 600,
    "1 h": 3600,
    "10 h": 36000,
    "2 d": 172800,
    "10 d": 864000,
    "100 d": 8640000,
    "10 y": 3652.5 * 86400,
}
"""The ticks of a logarithmic axis, in seconds."""
Delay = Callable[[PartitionLife], timedelta | None]


def delay_charts(report: Report) -> list[Chart]:
    """Both charts; a chart without data is left out."""
    landing = _chart(report, "Landed, against the deadline", lambda life: life.landing_delay, "due")
    publishing = _chart(report, "From landing to published", lambda life: life.publishing_delay, "0")
    return [delays for delays in (landing, publishing) if delays]


def _chart(report: Report, title: str, delay: Delay, zero: str) -> Chart | None:
    points_of = {
        (name := words.clean(facts.feed.name, 40)): [
            Point(life.partition, waited.total_seconds(), name)
            for life in facts.lives
            if (waited := delay(life)) is not None
        ]
        for facts in report.feeds
    }
    if not any(points_of.values()):
        return None
    thin = [thinned(points) for points in points_of.values()]
    shown, group = [point for points, _ in thin for point in points], max(size for _, size in thin)

    def draw(size: Size) -> "alt.LayerChart":
        altair = library()
        x = time_axis(Span.of_partitions(point.partition for point in shown), size.ticks)
        y = _delay_axis([point.value for point in shown], zero)
        colour, shape = palette(list(points_of), [point.name for point in shown])
        base = altair.Chart(altair.Data(values=rows(shown)))
        crowded = len(shown) > CROWDED
        dots = base.mark_square(size=16, opacity=1) if crowded else base.mark_point(filled=True, size=45, opacity=1)
        dots = dots.encode(x=x, y=y, color=colour, **({} if crowded else {"shape": shape}))
        line = altair.Chart(altair.Data(values=[{"value": 0}])).mark_rule(strokeWidth=1).encode(y=y)
        layered: alt.LayerChart = altair.layer(dots, line).properties(
            width=size.width,
            height=240,
            autosize=altair.AutoSizeParams(type="fit", contains="padding"),
        )
        return layered.properties(title=f"a point is the longest of {group} partitions") if group > 1 else layered

    told = "; ".join(_sentence(feed, points) for feed, points in points_of.items() if points)
    return chart(title, f"{title}: {told}.", draw)


def _delay_axis(values: Sequence[float], zero: str) -> "alt.Y":
    """Seconds, negative for early; logarithmic on both sides of 0 if the values differ a lot."""
    altair = library()
    lengths = [abs(value) for value in values]
    if max(lengths) > SKEWED * max(median(lengths), 1):
        ticks = [(0.0, zero)]
        ticks += [(sign * at, f"{'−' if sign < 0 else ''}{label}") for label, at in STEPS.items() for sign in (1, -1)]
        inside = [(at, label) for at, label in ticks if min(*values, 0) * 2 <= at <= max(*values, 60) * 2]
        scale = altair.Scale(type="symlog", constant=60, nice=False)
    else:
        span = max(*values, 0) - min(*values, 0)
        unit, length = next((unit for unit in words.UNITS if span >= unit[1] * 1.5), ("s", 1.0))
        step = _round_step(span / length)
        numbers = range(floor(min(*values, 0) / length / step), ceil(max(*values, step, 0) / length / step) + 1)
        inside = [
            (n * step * length, f"{'−' if n < 0 else ''}{abs(n * step):,.4g} {unit}" if n else zero) for n in numbers
        ]
        scale = altair.Scale(zero=True, nice=False, domain=[inside[0][0], inside[-1][0]])
    expression = "".join(f"datum.value == {at!r} ? '{label}' : " for at, label in inside) + "''"
    axis = altair.Axis(values=[at for at, _ in inside], labelExpr=expression)
    axis_y: alt.Y = altair.Y("value:Q", title=None, scale=scale, axis=axis)
    return axis_y


def _round_step(reach: float) -> float:
    """A round step, of which about four reach that far."""
    steps = (factor * 10.0**power for power in range(-4, 9) for factor in (1, 2, 5))
    return next((step for step in steps if step * 4 >= reach), reach)


def _sentence(feed: str, points: list[Point]) -> str:
    values = sorted(point.value for point in points)
    return f"{feed} {_signed(values[len(values) // 2])} (median), {_signed(values[-1])} at most"


def _signed(seconds: float) -> str:
    return ("−" if seconds < 0 else "") + words.duration(timedelta(seconds=seconds))
