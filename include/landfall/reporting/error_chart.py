"""The error of the published predictions over time, by model version. Promotions are upright lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from landfall.freshness.measured import PartitionError
from landfall.reporting import canvas, words
from landfall.reporting.axis import date_axis, days, shown_moments, value_axis
from landfall.reporting.canvas import Size
from landfall.reporting.charts import BOUND, PROMOTION, Chart, chart, samples_of, styles_of
from landfall.reporting.facts import Promoted, Report
from landfall.reporting.present import gate_error
from landfall.reporting.series import Point, Series, draw_lines, version_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER = 6.4
"""The width of a label's letter, in pixels."""


@dataclass(frozen=True)
class Mark:
    """A promotion on the axis of partitions."""

    at: datetime
    label: str


@dataclass(frozen=True)
class Bound:
    """The declared bound of one version, and how far its line reaches."""

    low: datetime
    high: datetime
    value: float


def error_chart(report: Report) -> Chart | None:
    """The error of each partition, one line per version; promotions as labelled upright lines, the bound as a dotted line."""
    measured = [(error, value) for error in report.errors if (value := error.metric(report.metric)) is not None]
    if not measured:
        return None
    errors, values = [error for error, _ in measured], [value for _, value in measured]
    series = version_series(
        [(error.version, Point(error.partition, value)) for error, value in measured], styles_of(report)
    )
    marks, bounds = promotion_marks(report, errors), _bounds(report, series)
    says = _sentence(report.metric, errors, values, marks)

    def draw(size: Size, name: str) -> str:
        figure, (panel,) = canvas.axes(size, (230,), top=36)
        draw_lines(panel, series, gap=timedelta(days=3))
        for bound in bounds:
            panel.plot([bound.low, bound.high], [bound.value] * 2, **BOUND)  # type: ignore[arg-type]
        value_axis(panel, values + [bound.value for bound in bounds])
        date_axis(panel, size, [error.partition for error in errors])
        _draw_marks(panel, size, marks)
        return canvas.svg(figure, size, name, says)

    samples = samples_of(series)
    samples += [("bound", BOUND)] if bounds else []
    samples += [("promotion", {**PROMOTION, "upright": True})] if marks else []
    return chart("errors", f"{report.metric} by partition", says, draw, samples)


def _sentence(metric: str, errors: list[PartitionError], values: list[float], marks: list[Mark]) -> str:
    partitions, newest = len({error.partition for error in errors}), errors[-1]
    sentence = (
        f"{metric} of {words.count(partitions, 'partition')}, {errors[0].partition} to {newest.partition}: from "
        f"{words.number(min(values))} to {words.number(max(values))}, the newest {words.number(values[-1])} by version "
        f"{words.clean(newest.version, 40)}."
    )
    listed = ", ".join(f"{mark.label} at {mark.at:%Y-%m-%d}" for mark in marks[-6:])
    return f"{sentence} Promotions: {listed}." if listed else sentence


def promotion_marks(report: Report, errors: Sequence[PartitionError]) -> list[Mark]:
    """The positions of the promotions on the axis of partitions, in the order of time.

    If the partitions are from the days on which versions were promoted, a promotion is at its own time. If they are not (a
    history that landed later), it is at the first partition that was published while the version served.
    """
    low, high = shown_moments([error.partition for error in errors])
    by_clock = [
        Mark(promoted.at, _label(promoted))
        for promoted in report.promotions
        if low <= promoted.at <= high + timedelta(days=3)
    ]
    by_data = [
        Mark(max(promoted.first.start, low), _label(promoted))
        for promoted in report.promotions
        if promoted.first and promoted.first.start <= high
    ]
    return sorted(by_clock or by_data, key=lambda mark: mark.at)


def _label(promoted: Promoted) -> str:
    if not promoted.version:
        return "none"
    return f"{'back to ' if promoted.kind == 'rolled back' else ''}v{words.clean(promoted.version, 10)}"


def _draw_marks(panel: "Axes", size: Size, marks: Sequence[Mark]) -> None:
    """Lines for all marks. A label is drawn if there is room for it in one of two rows; the newest marks choose first."""
    low, high = panel.get_xlim()
    scale = size.inner / (high - low)
    taken: list[list[tuple[float, float]]] = [[], []]
    for mark in reversed(marks):
        x = days(mark.at)
        panel.plot([x, x], [0, 1.02], transform=panel.get_xaxis_transform(), clip_on=False, **PROMOTION)  # type: ignore[arg-type]
        place, width = (x - low) * scale, LETTER * len(mark.label) + 10
        side = "left" if place < width / 2 else "right" if place > size.inner - width / 2 else "center"
        start = place - {"left": 0, "right": width, "center": width / 2}[side]
        for row, spans in enumerate(taken):
            if all(start + width <= begun or start >= ended for begun, ended in spans):
                spans.append((start, start + width))
                panel.annotate(mark.label, (x, 1), (0, 6 + 13 * row), xycoords=panel.get_xaxis_transform(),
                               textcoords="offset points", color=canvas.INK, ha=side)  # fmt: skip
                break


def _bounds(report: Report, series: Sequence[Series]) -> list[Bound]:
    """The declared factor times the error that the gate measured, for each version for which that is known."""
    bounds = []
    for line in series:
        gate = gate_error(report, line.version)
        if report.bound and gate is not None:
            low, high = shown_moments([point.partition for point in line.points])
            bounds.append(Bound(low - timedelta(hours=12), high + timedelta(hours=12), gate * report.bound.above))
    return bounds
