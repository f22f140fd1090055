"""The shares of a stream's windows over time, a line for each combination of their columns. New versions are upright lines."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from landfall.reporting import canvas, words
from landfall.reporting.axis import days, time_ticks
from landfall.reporting.canvas import Size
from landfall.reporting.charts import PROMOTION, Chart, chart
from landfall.reporting.series import CROWDED, style
from landfall.spec import Stream
from landfall.streams.standing import Windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER = 6.4
"""The width of a label's letter, in pixels."""


def share_chart(stream: Stream, share: str, windows: Sequence[Windows]) -> Chart | None:
    """One share (`accuracy`) of the windows; None if no window has one."""
    lines = [(group, _points(group, share)) for group in windows]
    lines = [(group, points) for group, points in lines if points]
    if not lines:
        return None
    moments = sorted({moment for _, points in lines for moment, _ in points})
    changes = version_changes(windows)
    says = _sentence(stream, share, lines, changes)

    def draw(size: Size, name: str) -> str:
        figure, (panel,) = canvas.axes(size, (230,), top=24)
        crowded = sum(len(points) for _, points in lines) > CROWDED
        for number, (_, points) in reversed(list(enumerate(lines))):
            x, y = _coordinates(points, timedelta(seconds=stream.window.seconds))
            changed: dict[str, object] = {"linewidth": 1.5, "markevery": max(1, len(x) // 6)} if crowded else {}
            panel.plot(x, y, **{**style(number), **changed})  # type: ignore[arg-type]
        panel.set_ylim(-0.02, 1.02)
        panel.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        _time_axis(panel, size, moments[0], moments[-1])
        _draw_changes(panel, size, changes)
        return canvas.svg(figure, size, name, says)

    samples = [(words.clean(group.name, 40), style(number)) for number, (group, _) in enumerate(lines)]
    samples += [("a new version serves", {**PROMOTION, "upright": True})] if changes else []
    title = f"{share} in windows of {stream.window.seconds} s"
    return chart(f"share-{share.replace('_', '-')}", title, says, draw, samples)


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


def _coordinates(points: Sequence[tuple[datetime, float]], length: timedelta) -> tuple[list[float], list[float]]:
    """The line breaks where three windows or more have no rows."""
    x: list[float] = []
    y: list[float] = []
    before: datetime | None = None
    for moment, value in points:
        if before and moment - before > 3 * length:
            x.append(days(before + length))
            y.append(float("nan"))
        x.append(days(moment))
        y.append(value)
        before = moment
    return x, y


def _time_axis(panel: "Axes", size: Size, low: datetime, high: datetime) -> None:
    air = max((high - low) / 60, timedelta(seconds=5))
    panel.set_xlim(days(low - air), days(high + air))
    if high - low >= timedelta(hours=size.ticks):
        ticks = time_ticks(low, high, size.ticks, hourly=True)
        panel.set_xticks([days(at) for at, _ in ticks], [label for _, label in ticks])
        return
    count = max(1, min(size.ticks // 2, int((high - low) / timedelta(seconds=10)) + 1))
    moments = [low + (high - low) * number / max(1, count - 1) for number in range(count)]
    labels = [f"{at:%H:%M:%S}" + (f"\n{at:%Y-%m-%d}" if not number else "") for number, at in enumerate(moments)]
    panel.set_xticks([days(at) for at in moments], labels)


def _draw_changes(panel: "Axes", size: Size, changes: Sequence[tuple[datetime, str]]) -> None:
    low, high = panel.get_xlim()
    scale, free = size.inner / (high - low), float("inf")
    for moment, version in reversed(changes):
        x, label = days(moment), f"v{words.clean(version, 10)}"
        panel.plot([x, x], [0, 1.02], transform=panel.get_xaxis_transform(), clip_on=False, **PROMOTION)  # type: ignore[arg-type]
        place, width = (x - low) * scale, LETTER * len(label) + 10
        if place + width / 2 < free:
            free = place - width / 2
            panel.annotate(label, (x, 1), (0, 6), xycoords=panel.get_xaxis_transform(), textcoords="offset points",
                           color=canvas.INK, ha="center")  # fmt: skip


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
