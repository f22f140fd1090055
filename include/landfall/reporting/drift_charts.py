"""The drift of the features: a small chart for each, with the declared bound as a line."""

from collections.abc import Mapping

from landfall.freshness.measured import DriftValue
from landfall.reporting import canvas, words
from landfall.reporting.axis import date_axis, value_axis
from landfall.reporting.canvas import Size
from landfall.reporting.charts import BOUND, Chart, LegendEntry, chart, legend, samples_of, styles_of
from landfall.reporting.facts import Report
from landfall.reporting.series import Point, Style, draw_lines, version_series

PANELS = 12
"""The most features whose drift is drawn; the page's table has all of them."""
SMALL = (Size("wide", 426, 4), Size("narrow", 360, 4))
"""Two charts side by side on a screen, one on a phone."""


def drift_charts(report: Report) -> list[Chart]:
    """One small chart for each feature and statistic: first those with a declared bound, the nearest to it first."""
    styles = styles_of(report)
    return [_chart(number, values, styles) for number, values in enumerate(_ranked(report)[:PANELS])]


def drift_legend(report: Report) -> tuple[LegendEntry, ...]:
    """One legend for all of these charts: the versions, and the bound."""
    shown = [value for values in _ranked(report)[:PANELS] for value in values]
    series = version_series([(value.version, Point(value.last, 0.0)) for value in shown], styles_of(report))
    bounded = any(value.above is not None for value in shown)
    return legend("drift", [*samples_of(series), *([("bound", BOUND)] if bounded else [])])


def _ranked(report: Report) -> list[list[DriftValue]]:
    """The known values of each feature and statistic, oldest first."""
    by_name: dict[tuple[str, str], list[DriftValue]] = {}
    for drift in report.drift:
        if drift.value is not None:
            by_name.setdefault((drift.feature, drift.statistic), []).append(drift)
    return sorted(by_name.values(), key=lambda values: _prominence(values[-1]), reverse=True)


def _prominence(drift: DriftValue) -> tuple[bool, float]:
    value = drift.value or 0
    return drift.above is not None, value / drift.above if drift.above else value


def _chart(number: int, values: list[DriftValue], styles: Mapping[str, Style]) -> Chart:
    newest = values[-1]
    series = version_series([(value.version, Point(value.last, value.value or 0)) for value in values], styles)
    title = f"{words.clean(newest.feature, 40)} ({words.clean(newest.statistic, 10)})"
    bound = "no bound is declared" if newest.above is None else f"the declared bound is {words.number(newest.above)}"
    says = (
        f"{title} over {words.count(len(values), 'window')}: {words.number(newest.value)} in the newest, which ends on "
        f"{newest.last}; {bound}."
    )

    def draw(size: Size, name: str) -> str:
        figure, (panel,) = canvas.axes(size, (120,), top=10)
        draw_lines(panel, series)
        value_axis(panel, [*(value.value or 0 for value in values), (newest.above or 0) * 1.15])
        if newest.above is not None:
            panel.axhline(newest.above, **BOUND)  # type: ignore[arg-type]
            panel.annotate(f"bound {words.number(newest.above)}", (0, newest.above), (2, 4), color=canvas.INK,
                           xycoords=panel.get_yaxis_transform(), textcoords="offset points")  # fmt: skip
        date_axis(panel, size, [value.last for value in values])
        return canvas.svg(figure, size, name, says)

    return chart(f"drift-{number}", title, says, draw, sizes=SMALL)
