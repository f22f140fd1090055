"""Series: lines and points of one model version or one feed each, which differ in colour and in marker."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from landfall.reporting import canvas, words
from landfall.reporting.axis import days
from landfall.spec import Partition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CROWDED = 60
"""From this many points on, lines are thinner and points smaller, and a line has a marker only here and there."""
MOST = 366
"""More points than this, a year of days, are thinned out."""
Style = Mapping[str, object]
OLDER: Style = {"color": canvas.PLAIN, "linewidth": 1.4}
"""The style of all versions that are older than the newest few."""


@dataclass(frozen=True)
class Point:
    """A value of one partition."""

    partition: Partition
    value: float


@dataclass(frozen=True)
class Series:
    """Points with a name and a style. `version` is empty for a feed."""

    name: str
    points: tuple[Point, ...]
    style: Style
    version: str = ""


def style(number: int) -> Style:
    """The style of the series with this number, counted from 0; styles repeat after five."""
    place = number % len(canvas.SERIES)
    return {
        "color": canvas.SERIES[place],
        "linewidth": 2,
        "marker": canvas.MARKERS[place],
        "markersize": 7,
        "markeredgecolor": canvas.SURFACE,
        "markeredgewidth": 1,
    }


def version_styles(versions: Iterable[str]) -> dict[str, Style]:
    """A style for each of the newest versions, by number; all others are drawn as `OLDER`."""
    ranked = sorted(
        set(versions), key=lambda version: (int(version) if version.isdecimal() else -1, version), reverse=True
    )
    return {version: style(number) for number, version in enumerate(ranked[: len(canvas.SERIES)])}


def version_series(points: Sequence[tuple[str, Point]], styles: Mapping[str, Style]) -> list[Series]:
    """One series per version: first those with a style of their own, in the order of the styles."""
    by_version: dict[str, list[Point]] = {}
    for version, point in points:
        by_version.setdefault(version, []).append(point)
    order = [version for version in styles if version in by_version]
    order += [version for version in by_version if version not in styles]
    return [
        Series(
            f"version {words.clean(version, 24)}" if version in styles else "older versions",
            tuple(by_version[version]),
            styles.get(version, OLDER),
            version,
        )
        for version in order
    ]


def feed_series(points: Mapping[str, Sequence[Point]]) -> list[Series]:
    """One series per feed, in the given order. A feed without points is left out, but its colour is not given to another."""
    return [
        Series(words.clean(feed, 40), tuple(values), style(number))
        for number, (feed, values) in enumerate(points.items())
        if values
    ]


def thinned(points: Sequence[Point]) -> tuple[tuple[Point, ...], int]:
    """At most `MOST` points: of each group of neighbours the one with the largest value; and the size of such a group."""
    group = -(-len(points) // MOST)
    if group <= 1:
        return tuple(points), 1
    groups = (points[start : start + group] for start in range(0, len(points), group))
    return tuple(max(neighbours, key=lambda point: point.value) for neighbours in groups), group


def draw_lines(panel: "Axes", series: Sequence[Series], *, gap: timedelta | None = None) -> None:
    """Draws lines, the first on top. A line breaks where more than `gap` is missing between two partitions."""
    crowded = sum(len(line.points) for line in series) > CROWDED
    for line in reversed(series):
        x, y = _coordinates(line.points, gap)
        changed: dict[str, object] = {"linewidth": 1.5, "markevery": max(1, len(x) // 6)} if crowded else {}
        panel.plot(x, y, **{**line.style, **changed})  # type: ignore[arg-type]


def draw_points(panel: "Axes", series: Sequence[Series]) -> None:
    """Draws points, the first series on top."""
    crowded = sum(len(line.points) for line in series) > CROWDED
    for line in reversed(series):
        x, y = _coordinates(line.points, None)
        changed: dict[str, object] = {"markersize": 4, "markeredgewidth": 0} if crowded else {}
        panel.plot(x, y, **{**line.style, **changed, "linestyle": "none"})  # type: ignore[arg-type]


def _coordinates(points: Sequence[Point], gap: timedelta | None) -> tuple[list[float], list[float]]:
    x: list[float] = []
    y: list[float] = []
    before: Partition | None = None
    for point in points:
        if gap and before and point.partition.start - before.end > gap:
            x.append(days(before.end))
            y.append(float("nan"))
        x.append(days(point.partition.start))
        y.append(point.value)
        before = point.partition
    return x, y
