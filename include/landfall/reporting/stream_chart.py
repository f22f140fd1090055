"""The shares of a stream's windows over time, a line for each combination of their columns. New versions are upright lines."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from landfall.reporting import words
from landfall.reporting.charts import Chart, Size, chart, library
from landfall.reporting.error_chart import Mark, mark_layers
from landfall.reporting.series import Row, Span, lines, milliseconds, palette, time_axis
from landfall.spec import Stream
from landfall.streams.standing import Windows

if TYPE_CHECKING:
    import altair as alt


def share_chart(stream: Stream, share: str, windows: Sequence[Windows]) -> Chart | None:
    """One share (`accuracy`) of the windows; None if no window has one."""
    groups = [(group, points) for group in windows if (points := _points(group, share))]
    if not groups:
        return None
    moments = [moment for _, points in groups for moment, _ in points]
    names = [words.clean(group.name, 40) for group, _ in groups]
    length = timedelta(seconds=stream.window.seconds)
    data = [row for number, (_, points) in enumerate(groups) for row in _rows(points, names[number], length)]
    changes = version_changes(windows)
    marks = [Mark(moment, f"v{words.clean(version, 10)}") for moment, version in changes]

    span = Span.of(min(moments), max(moments), timedelta(seconds=5))

    def draw(size: Size) -> "alt.LayerChart":
        altair = library()
        x = time_axis(span, size.ticks)
        axis = altair.Axis(values=[0, 0.25, 0.5, 0.75, 1])
        y = altair.Y("value:Q", title=None, scale=altair.Scale(domain=[0, 1]), axis=axis)
        layered: alt.LayerChart = altair.layer(
            lines(data, x, y, *palette(names, names)), *mark_layers(size, marks, span)
        ).properties(width=size.width, height=290, autosize=altair.AutoSizeParams(type="fit", contains="padding"))
        return layered

    return chart(f"{share} in windows of {stream.window.seconds} s", _sentence(stream, share, groups, changes), draw)


def version_changes(windows: Sequence[Windows]) -> list[tuple[datetime, str]]:
    """The start of each window in which a version scored first that the window before did not have, and that version."""
    by_start: dict[datetime, set[str]] = {}
    for group in windows:
        for start, versions in zip(group.starts, group.versions, strict=True):
            by_start.setdefault(start, set()).update(versions)
    changes: list[tuple[datetime, str]] = []
    before: set[str] | None = None
    for start in sorted(by_start):
        new = by_start[start] - (by_start[start] if before is None else before)
        changes += [(start, version) for version in sorted(new)]
        before = by_start[start]
    return changes


def _points(group: Windows, share: str) -> list[tuple[datetime, float]]:
    pairs = zip(group.starts, group.shares.get(share, ()), strict=False)
    return [(start, value) for start, value in pairs if value is not None]


def _rows(points: Sequence[tuple[datetime, float]], name: str, length: timedelta) -> list[Row]:
    """The data of one line, which breaks where three windows or more have no rows."""
    data: list[Row] = []
    before: datetime | None = None
    for moment, value in points:
        if before and moment - before > 3 * length:
            data.append({"t": milliseconds(before + length), "value": None, "name": name, "line": name})
        data.append({"t": milliseconds(moment), "value": value, "name": name, "line": name})
        before = moment
    return data


def _sentence(
    stream: Stream, share: str, lines: Sequence[tuple[Windows, list[tuple[datetime, float]]]], changes: Sequence[object]
) -> str:
    parts = [
        f"{words.clean(group.name, 40)}: from {words.number(min(value for _, value in points))} to "
        f"{words.number(max(value for _, value in points))}, the newest {words.number(points[-1][1])}"
        for group, points in lines
    ]
    return (
        f"{share} of {words.clean(stream.name, 60)} in windows of {stream.window.seconds} s, from "
        f"{lines[0][1][0][0]:%Y-%m-%d %H:%M:%S} UTC on. {'; '.join(parts)}. "
        f"{words.count(len(changes), 'new version')} served."
    )
