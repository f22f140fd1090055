"""Series: points of one model version or one feed each, and the axes of time and of values that charts share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from landfall.reporting import words
from landfall.reporting.charts import COLOURS, NUMBER, PLAIN, SHAPES, library
from landfall.spec import Partition

if TYPE_CHECKING:
    import altair as alt

CROWDED = 60
"""From this many points on, a line is thinner and has no markers."""
MOST = 366
"""More points than this, a year of days, are thinned out."""
OLDER = "older versions"
"""The name that all versions but the newest few share."""
FORMS = {"year": "%Y", "quarter": "%b", "month": "%b", "week": "%-d %b", "day": "%-d %b", "date": "%-d %b", "hours": "%H:%M",
         "minutes": "%H:%M", "seconds": "%H:%M:%S", "milliseconds": "%H:%M:%S"}  # fmt: skip
"""How a tick of time is written, by the largest unit that it begins."""
Row = dict[str, object]
"""A row of a chart's data: `t` (milliseconds since 1970), `value` (None breaks a line), `name` and `line`."""


@dataclass(frozen=True)
class Point:
    """A value of one partition.

    Args:
        partition: The partition.
        value: The value.
        name: The series, as the legend names it.
        line: Points of different lines are not connected, even if they are of one series.
    """

    partition: Partition
    value: float
    name: str = ""
    line: str = ""


def milliseconds(at: datetime) -> int:
    """A moment as Vega takes it: milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def version_names(versions: Iterable[str]) -> dict[str, str]:
    """Version -> its name in a legend, newest first. All but the newest five are called `OLDER`."""
    ranked = sorted(
        set(versions), key=lambda version: (int(version) if version.isdecimal() else -1, version), reverse=True
    )
    return {
        version: f"version {words.clean(version, 24)}" if number < len(COLOURS) else OLDER
        for number, version in enumerate(ranked)
    }


def thinned(points: Sequence[Point]) -> tuple[list[Point], int]:
    """At most `MOST` points: of each group of neighbours the one with the largest value; and the size of such a group."""
    group = -(-len(points) // MOST) or 1
    groups = (points[start : start + group] for start in range(0, len(points), group))
    return [max(neighbours, key=lambda point: point.value) for neighbours in groups], group


def rows(points: Sequence[Point], gap: timedelta | None = None) -> list[Row]:
    """The points as a chart's data. A line breaks where more than `gap` is missing between two of its partitions."""
    data: list[Row] = []
    before: dict[tuple[str, str], Partition] = {}
    for point in points:
        series = {"name": point.name, "line": point.line}
        last = before.get((point.name, point.line))
        if gap and last and point.partition.start - last.end > gap:
            data.append({"t": milliseconds(last.end), "value": None, **series})
        data.append({"t": milliseconds(point.partition.start), "value": point.value, **series})
        before[point.name, point.line] = point.partition
    return data


@dataclass(frozen=True)
class Span:
    """What an axis of time shows: milliseconds since 1970."""

    low: int
    high: int

    @classmethod
    def of(cls, low: datetime, high: datetime, air: timedelta) -> Self:
        """From `low` to `high`, with at least `air` free at both ends."""
        margin = max((high - low) / 60, air) / timedelta(milliseconds=1)
        return cls(milliseconds(low) - round(margin), milliseconds(high) + round(margin))

    @property
    def years(self) -> str:
        """`2014` or `2013, 2014`; empty if there are more, because then the ticks are years or say them."""
        first, last = (datetime.fromtimestamp(at / 1000, UTC).year for at in (self.low, self.high))
        return "" if last - first > 1 else ", ".join(str(year) for year in sorted({first, last}))

    @classmethod
    def of_partitions(cls, partitions: Iterable[Partition]) -> Self:
        """The starts of partitions, where they stand."""
        ordered = sorted(partitions)
        first = ordered[0]
        return cls.of(first.start, ordered[-1].start, (first.end - first.start) / 2)


def time_axis(span: Span, ticks: int) -> "alt.X":
    """Time from left to right."""
    altair = library()
    axis = altair.Axis(format=FORMS, grid=False, tickCount=ticks, labelOverlap="greedy", labelSeparation=6)
    scale = altair.Scale(type="utc", domain=[span.low, span.high], nice=False)
    axis_x: alt.X = altair.X("t:T", title=span.years or None, scale=scale, axis=axis)
    return axis_x


def value_axis(*, whole: bool = False) -> "alt.Y":
    """Values from 0 up, or from below 0 if one is negative. If they are whole numbers, so are the labels."""
    altair = library()
    axis = altair.Axis(tickCount=4, labelExpr=f"datum.value % 1 ? '' : {NUMBER}" if whole else NUMBER)
    axis_y: alt.Y = altair.Y("value:Q", title=None, scale=altair.Scale(zero=True, nice=True), axis=axis)
    return axis_y


def palette(names: Sequence[str], shown: Iterable[str]) -> "tuple[alt.Color, alt.Shape]":
    """The colour and the marker of each series. There is a legend if more than one is shown.

    Args:
        names: All series, in the order that gives them their colours; they repeat after five.
        shown: Those that the chart has.
    """
    altair = library()
    present = set(shown)
    order = {name: number for number, name in enumerate(dict.fromkeys(names)) if name in present}
    colours = [PLAIN if name == OLDER else COLOURS[number % len(COLOURS)] for name, number in order.items()]
    shapes = [SHAPES[number % len(SHAPES)] for number in order.values()]
    legend = altair.Legend(title=None) if len(order) > 1 else None
    return (
        altair.Color("name:N", scale=altair.Scale(domain=list(order), range=colours), legend=legend),
        altair.Shape("name:N", scale=altair.Scale(domain=list(order), range=shapes), legend=legend),
    )


def lines(data: Sequence[Row], x: "alt.X", y: "alt.Y", colour: "alt.Color", shape: "alt.Shape") -> "alt.LayerChart":
    """A line for each series. It has markers if there is room for them; a point without neighbours is a dot."""
    altair = library()
    crowded = len(data) > CROWDED
    base = altair.Chart(altair.Data(values=list(data))).encode(x=x, y=y, color=colour)
    line = base.mark_line(strokeWidth=1.5 if crowded else 2, strokeCap="round", strokeJoin="round")
    layers = [line.encode(detail="line:N")]
    if not crowded:
        layers.append(base.mark_point(filled=True, size=45, opacity=1).encode(shape=shape))
    lined: alt.LayerChart = altair.layer(*layers)
    return lined
