"""The error of the published predictions over time, by model version. Promotions are upright lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from landfall.freshness.measured import PartitionError
from landfall.reporting import words
from landfall.reporting.charts import Chart, Size, chart, library
from landfall.reporting.facts import Promoted, Report
from landfall.reporting.present import gate_error
from landfall.reporting.series import (
    Point,
    Row,
    Span,
    lines,
    milliseconds,
    palette,
    rows,
    time_axis,
    value_axis,
    version_names,
)

if TYPE_CHECKING:
    import altair as alt

GAP = timedelta(days=3)
"""A line breaks where more than this is missing."""


@dataclass(frozen=True)
class Mark:
    """A promotion on the axis of partitions."""

    at: datetime
    label: str


def error_chart(report: Report) -> Chart | None:
    """The error of each partition, one line per version; promotions as labelled upright lines, the bound as a dotted line."""
    measured = [(error, value) for error in report.errors if (value := error.metric(report.metric)) is not None]
    if not measured:
        return None
    errors, values = [error for error, _ in measured], [value for _, value in measured]
    names = report_versions(report)
    points = [Point(error.partition, value, names[error.version], error.version) for error, value in measured]
    marks, bounds = promotion_marks(report, errors), _bounds(report, points)
    span = Span.of_partitions(error.partition for error in errors)

    def draw(size: Size) -> "alt.LayerChart":
        altair = library()
        x, y = time_axis(span, size.ticks), value_axis()
        colours = palette(list(names.values()), [point.name for point in points])
        layers: list[alt.Chart | alt.LayerChart] = [lines(rows(points, GAP), x, y, *colours)]
        if bounds:
            bound = altair.Chart(altair.Data(values=bounds)).mark_rule(strokeDash=[2, 2], strokeWidth=1.3)
            layers.append(bound.encode(x=x, x2="end", y=y))
        layers += mark_layers(size, marks, span)
        layered: alt.LayerChart = altair.layer(*layers).properties(
            width=size.width, height=280, autosize=altair.AutoSizeParams(type="fit", contains="padding")
        )
        return layered

    return chart(f"{report.metric} by partition", _sentence(report.metric, errors, values, marks), draw)


def report_versions(report: Report) -> dict[str, str]:
    """Version -> its name; the order, which gives the colours, is the same in every chart of the report."""
    return version_names([*(value.version for value in report.errors), *(value.version for value in report.drift)])


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
    starts = [error.partition.start for error in errors]
    low, high = min(starts), max(starts)
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


def mark_layers(size: Size, marks: Sequence[Mark], span: Span) -> "list[alt.Chart]":
    """Upright lines for all marks. A label is left out if that of a newer mark would be too near."""
    if not marks:
        return []
    altair = library()
    x, low, high = time_axis(span, size.ticks), span.low, span.high
    room, labelled, nearest = (high - low) * 70 / size.width, list[Row](), float("inf")
    for mark in reversed(marks):
        at = milliseconds(mark.at)
        if nearest - at >= room:
            nearest = at
            align = "left" if at - low < room / 2 else "right" if high - at < room / 2 else "center"
            labelled.append({"t": at, "label": mark.label, "align": align})
    upright = altair.Chart(altair.Data(values=[{"t": milliseconds(mark.at)} for mark in marks]))
    layers = [upright.mark_rule(strokeWidth=1).encode(x=x)]
    for align in ("left", "right", "center"):
        texts = [row for row in labelled if row["align"] == align]
        if texts:
            label = altair.Chart(altair.Data(values=texts)).mark_text(align=align, baseline="bottom")
            layers.append(label.encode(x=x, y=altair.value(-4), text="label:N"))
    return layers


def _bounds(report: Report, points: Sequence[Point]) -> list[Row]:
    """The declared factor times the error that the gate measured, for each version for which that is known."""
    bounds: list[Row] = []
    for version in dict.fromkeys(point.line for point in points):
        gate = gate_error(report, version)
        if report.bound and gate is not None:
            starts = [point.partition.start for point in points if point.line == version]
            half = timedelta(hours=12)
            low, high = milliseconds(min(starts) - half), milliseconds(max(starts) + half)
            bounds.append({"t": low, "end": high, "value": gate * report.bound.above})
    return bounds
