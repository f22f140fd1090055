"""Kept and quarantined rows, by partition."""

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
"""If there are more partitions than this, neighbours share a bar."""
AIRY = 130
"""With at most this many bars, there is a gap between them."""
Bar = tuple[datetime, datetime, float]
"""From, to, rows. The tick of a partition is at its start, below the middle of its bar."""


def rows_chart(facts: FeedFacts, number: int) -> Chart | None:
    """Kept rows, and below them quarantined rows if there are any; None if no partition was read.

    Args:
        facts: The feed.
        number: The feed's number on the page.
    """
    judged = [life for life in facts.lives if life.rows is not None]
    if not judged:
        return None
    kept, bad = sum(life.rows or 0 for life in judged), sum(life.quarantined or 0 for life in judged)
    says = _sentence(facts, judged, kept, bad)
    group = -(-len(judged) // MOST)
    per_bar = "" if group == 1 else f", {group} partitions a bar"
    panels = [(f"kept{per_bar}", canvas.SERIES[0], bars(judged, [life.rows or 0 for life in judged], group), 90)]
    if bad:
        counts = [life.quarantined or 0 for life in judged]
        panels.append((f"quarantined{per_bar}", canvas.SERIES[1], bars(judged, counts, group), 56))

    def draw(size: Size, name: str) -> str:
        figure, axes = canvas.axes(size, tuple(height for *_, height in panels), top=22)
        for panel, (title, colour, heights, _) in zip(axes, panels, strict=True):
            _draw_bars(panel, heights, colour)
            value_axis(panel, [value for *_, value in heights], whole=True)
            panel.set_title(title, loc="left", fontsize=11, color=canvas.MUTED, pad=5)
        date_axis(axes[-1], size, [life.partition for life in judged])
        return canvas.svg(figure, size, name, says)

    return chart(f"rows-{number}", facts.feed.name, says, draw)


def _sentence(facts: FeedFacts, judged: Sequence[PartitionLife], kept: int, bad: int) -> str:
    worst = max(judged, key=lambda life: life.quarantined or 0)
    worst_share = f", most of them ({worst.quarantined:,}) of {worst.partition}" if bad else ""
    partitions = words.count(len(judged), "partition")
    return f"{facts.feed.name}: {words.count(kept, 'row')} kept and {bad:,} quarantined in {partitions}{worst_share}."


def bars(lives: Sequence[PartitionLife], values: Sequence[int], group: int) -> list[Bar]:
    """One bar for each `group` neighbouring partitions, with the sum of their rows."""
    half = (lives[0].partition.end - lives[0].partition.start) / 2
    return [
        (
            neighbours[0].partition.start - half,
            neighbours[-1].partition.end - half,
            float(sum(values[start : start + group])),
        )
        for start in range(0, len(lives), group)
        if (neighbours := lives[start : start + group])
    ]


def _draw_bars(panel: "Axes", heights: Sequence[Bar], colour: str) -> None:
    """Draws all bars as one shape. If there are no gaps, neighbours of the same height become one bar."""
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
