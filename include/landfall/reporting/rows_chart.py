"""Kept and quarantined rows, by partition."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from landfall.reporting import words
from landfall.reporting.charts import COLOURS, Chart, Size, chart, library
from landfall.reporting.facts import FeedFacts, PartitionLife
from landfall.reporting.series import Row, Span, milliseconds, time_axis, value_axis

if TYPE_CHECKING:
    import altair as alt

MOST = 400
"""If there are more partitions than this, neighbours share a bar."""


def rows_chart(facts: FeedFacts) -> Chart | None:
    """Kept rows, and below them quarantined rows if there are any; None if no partition was read."""
    judged = [life for life in facts.lives if life.rows is not None]
    if not judged:
        return None
    kept, bad = [life.rows or 0 for life in judged], [life.quarantined or 0 for life in judged]
    group = -(-len(judged) // MOST)
    per_bar = "" if group == 1 else f", {group} partitions a bar"
    panels = [(f"kept{per_bar}", COLOURS[0], bars(judged, kept, group), 90)]
    if any(bad):
        panels.append((f"quarantined{per_bar}", COLOURS[1], bars(judged, bad, group), 56))

    def draw(size: Size) -> "alt.VConcatChart":
        altair = library()
        x, drawn = time_axis(Span.of_partitions(life.partition for life in judged), size.ticks), []
        for title, colour, heights, height in panels:
            bar = altair.Chart(altair.Data(values=heights)).mark_area(
                color=colour, interpolate="step-after", strokeWidth=0, line=False
            )
            bar = bar.encode(x=x, y=value_axis(whole=True)).properties(title=title, height=height)
            drawn.append(bar.properties(width=size.width - 60))
        stacked: alt.VConcatChart = altair.vconcat(*drawn, spacing=14)
        return stacked

    return chart(facts.feed.name, _sentence(facts, judged, sum(kept), sum(bad)), draw)


def _sentence(facts: FeedFacts, judged: Sequence[PartitionLife], kept: int, bad: int) -> str:
    worst = max(judged, key=lambda life: life.quarantined or 0)
    worst_share = f", most of them ({worst.quarantined:,}) of {worst.partition}" if bad else ""
    partitions = words.count(len(judged), "partition")
    return f"{facts.feed.name}: {words.count(kept, 'row')} kept and {bad:,} quarantined in {partitions}{worst_share}."


def bars(lives: Sequence[PartitionLife], values: Sequence[int], group: int) -> list[Row]:
    """The steps of one shape: a bar for each `group` neighbouring partitions, with the sum of their rows.

    The tick of a partition is at its start, below the middle of its bar. Where partitions are missing, the height is 0.
    """
    half = (lives[0].partition.end - lives[0].partition.start) / 2
    data: list[Row] = []
    end = None
    for start in range(0, len(lives), group):
        neighbours = lives[start : start + group]
        left = milliseconds(neighbours[0].partition.start - half)
        if end is not None and left > end:
            data.append({"t": end, "value": 0})
        data.append({"t": left, "value": sum(values[start : start + group])})
        end = milliseconds(neighbours[-1].partition.end - half)
    return [*data, {"t": end, "value": 0}]
