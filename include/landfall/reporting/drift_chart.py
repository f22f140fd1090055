"""The drift of the features: a small panel for each, with the declared bound as a dotted line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from landfall.freshness.measured import DriftValue
from landfall.reporting import words
from landfall.reporting.charts import WIDE, Chart, Size, chart, library
from landfall.reporting.error_chart import report_versions
from landfall.reporting.facts import Report
from landfall.reporting.series import Point, Row, Span, lines, palette, rows, time_axis, value_axis

if TYPE_CHECKING:
    import altair as alt

PANELS = 12
"""The most features whose drift is drawn; the page's table has all of them."""


def drift_chart(report: Report) -> Chart | None:
    """A panel for each feature and statistic: first those with a declared bound, the nearest to it first.

    None if no drift is known.
    """
    ranked = _ranked(report)[:PANELS]
    if not ranked:
        return None
    names, shown = report_versions(report), [value for values in ranked for value in values]

    def draw(size: Size) -> "alt.VConcatChart":
        altair = library()
        columns = 2 if size is WIDE else 1
        panels = [_panel(size, values, names, shown) for values in ranked]
        pairs = [altair.hconcat(*panels[n : n + columns], spacing=20) for n in range(0, len(panels), columns)]
        stacked: alt.VConcatChart = altair.vconcat(*pairs, spacing=14)
        return stacked

    return chart("Drift of the features", " ".join(_sentence(values) for values in ranked), draw)


def _panel(
    size: Size, values: Sequence[DriftValue], names: dict[str, str], shown: Sequence[DriftValue]
) -> "alt.LayerChart":
    altair = library()
    x, y = time_axis(Span.of_partitions(value.last for value in values), 4), value_axis()
    points = [Point(value.last, value.value or 0, names[value.version], value.version) for value in values]
    layers: list[alt.Chart | alt.LayerChart] = [
        lines(rows(points), x, y, *palette(list(names.values()), [names[value.version] for value in shown]))
    ]
    above = values[-1].above
    if above is not None:
        data: list[Row] = [{"value": above, "label": f"bound {words.number(above)}"}]
        bound = altair.Chart(altair.Data(values=data)).encode(y=y)
        label = bound.mark_text(align="left", baseline="bottom", dx=2, dy=-2).encode(x=altair.value(0), text="label:N")
        layers += [bound.mark_rule(strokeDash=[2, 2], strokeWidth=1.3), label]
    width = (size.width - (150 if size is WIDE else 66)) // (2 if size is WIDE else 1)
    title = altair.TitleParams(text=_title(values[-1]), color="var(--ink)", fontSize=13, fontWeight="bold")
    panel: alt.LayerChart = altair.layer(*layers).properties(width=width, height=120, title=title)
    return panel


def _title(drift: DriftValue) -> str:
    return f"{words.clean(drift.feature, 40)} ({words.clean(drift.statistic, 10)})"


def _sentence(values: Sequence[DriftValue]) -> str:
    newest = values[-1]
    bound = "no bound is declared" if newest.above is None else f"the declared bound is {words.number(newest.above)}"
    return (
        f"{_title(newest)} over {words.count(len(values), 'window')}: {words.number(newest.value)} in the newest, which ends "
        f"on {newest.last}; {bound}."
    )


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
