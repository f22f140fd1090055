"""Rows that were kept and rows that were quarantined, by partition."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from landfall.reporting import canvas, words
from landfall.reporting.axis import date_axis, days, value_axis
from landfall.reporting.canvas import Size
from landfall.reporting.charts import Chart, chart
from landfall.reporting.facts import FeedFacts, PartitionLife

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 400
"""More partitions than this share a bar with their neighbours."""
AIRY = 130
"""Up to so many bars there is a gap between them."""
Bar = tuple[datetime, datetime, float]
"""From, to, rows. The tick of a partition, its start, is below the middle of its bar."""


def rows_chart(facts: FeedFacts, number: int) -> Chart | None:
    """Kept rows and, if there are any, quarantined ones below each other; None if no partition was read.

    Args:
        facts: The feed.
        number: The feed's number on the page.
    """
    told = [life for life in facts.lives if life.rows is not None]
    if not told:
        return None
    kept, bad = sum(life.rows or 0 for life in told), sum(life.quarantined or 0 for life in told)
    says = _sentence(facts, told, kept, bad)
    group = -(-len(told) // MOST)
    per = "" if group == 1 else f", {group} partitions a bar"
    panels = [(f"kept{per}", canvas.SERIES[0], bars(told, [life.rows or 0 for life in told], group), 90)]
    if bad:
        counts = [life.quarantined or 0 for life in told]
        panels.append((f"quarantined{per}", canvas.SERIES[1], bars(told, counts, group), 56))

    def draw(size: Size, name: str) -> str:
        figure, axes = canvas.axes(size, tuple(height for *_, height in panels), top=22)
        for panel, (title, colour, heights, _) in zip(axes, panels, strict=True):
            _draw_bars(panel, heights, colour)
            value_axis(panel, [value for *_, value in heights], whole=True)
            panel.set_title(title, loc="left", fontsize=11, color=canvas.MUTED, pad=5)
        date_axis(axes[-1], size, [life.partition for life in told])
        return canvas.svg(figure, size, name, says)

    return chart(f"rows-{number}", facts.feed.name, says, draw)


def _sentence(facts: FeedFacts, told: Sequence[PartitionLife], kept: int, bad: int) -> str:
    worst = max(told, key=lambda life: life.quarantined or 0)
    most = f", most of them ({worst.quarantined:,}) of {worst.partition}" if bad else ""
    partitions = words.count(len(told), "partition")
    return f"{facts.feed.name}: {words.count(kept, 'row')} kept and {bad:,} quarantined in {partitions}{most}."


def bars(lives: Sequence[PartitionLife], values: Sequence[int], group: int) -> list[Bar]:
    """A bar for each `group` neighbours, with the sum of their rows."""
    half = (lives[0].partition.end - lives[0].partition.start) / 2
    return [
        (each[0].partition.start - half, each[-1].partition.end - half, float(sum(values[start : start + group])))
        for start in range(0, len(lives), group)
        if (each := lives[start : start + group])
    ]


def _draw_bars(panel: "Axes", heights: Sequence[Bar], colour: str) -> None:
    """All bars as one shape. Without gaps, neighbours of one height are one bar."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    gap = 0.14 if len(heights) <= AIRY else 0.0
    boxes: list[tuple[float, float, float]] = []
    for start, end, value in heights:
        low, high = days(start), days(end)
        inset = (high - low) * gap
        if boxes and not gap and boxes[-1][1:] == (low, value):
            boxes[-1] = (boxes[-1][0], high, value)
        elif value:
            boxes.append((low + inset, high - inset, value))
    corners = [[(low, 0), (low, value), (high, value), (high, 0), (low, 0)] for low, high, value in boxes]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    if boxes:
        shape = Path([corner for box in corners for corner in box], codes)
        panel.add_patch(PathPatch(shape, facecolor=colour, edgecolor="none"))
