"""Tests of whether a learner's error has changed: Page-Hinkley, and ADWIN. Their states are plain numbers.

river has both (`river.drift`), and the tests hold these against them. Theirs keep their states in compiled objects that only a
pickle can write down; a state of ours is JSON, so that a restart goes on with exactly the same numbers.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

from landfall.spec.online import DriftAlarm

State = Mapping[str, Any]
"""Plain numbers and lists of them, as JSON has them."""


class DriftTest(Protocol):
    """A test that sees one error after the other."""

    def start(self) -> State:
        """The state before the first error."""

    def after(self, state: State, error: float) -> tuple[State, bool]:
        """The state after an error, and whether the errors have changed."""


def detector_of(alarm: DriftAlarm) -> DriftTest:
    """The test that an alarm declares."""
    if alarm.test == "page_hinkley":
        return PageHinkley(delta=alarm.delta, threshold=alarm.threshold)
    return Adwin(delta=alarm.delta)


class PageHinkley:
    """Alarms when the errors have risen. E. S. Page, 1954, doi:10.1093/biomet/41.1-2.100; as
    `river.drift.PageHinkley(mode="up")`.

    With the mean `m` of the errors so far: `sum' = alpha sum + x - m - delta`. The alarm comes when the sum is `threshold` above
    the lowest that it was, and 30 errors were seen; then the test begins anew.
    """

    def __init__(
        self, *, delta: float = 0.005, threshold: float = 50.0, alpha: float = 1 - 0.0001, least: int = 30
    ) -> None:
        self.delta, self.threshold, self.alpha, self.least = delta, threshold, alpha, least

    def start(self) -> State:
        """Nothing seen. `lowest` is None, as JSON has no infinity."""
        return {"count": 0, "mean": 0.0, "sum": 0.0, "lowest": None}

    def after(self, state: State, error: float) -> tuple[State, bool]:
        """See the class."""
        count = state["count"] + 1
        mean = state["mean"] + (error - state["mean"]) / count
        total = self.alpha * state["sum"] + (error - mean) - self.delta
        lowest = total if state["lowest"] is None else min(state["lowest"], total)
        if count >= self.least and total - lowest > self.threshold:
            return self.start(), True
        return {"count": count, "mean": mean, "sum": total, "lowest": lowest}, False


class Adwin:
    """Alarms when older and newer errors differ. A. Bifet, R. Gavaldà, 2007, doi:10.1137/1.9781611972771.42.

    The window of errors is kept as buckets of 1, 2, 4 ... errors, at most five of a size, each with its sum and its squared
    deviations. Every 32 errors each cut of the window into an older part of n0 and a newer one of n1 errors is tried. If the
    means differ by more than

        sqrt(2 v l / m) + 2 l / (3 m),    l = ln(2 ln(n) / delta),    1/m = 1/(n0 - 4) + 1/(n1 - 4)

    with the variance v of the window, the oldest bucket is dropped, and so on. An alarm is only told if the newer mean is higher:
    a learner that gets better needs no help.
    """

    MOST, EVERY, LEAST, GRACE = 5, 32, 5, 10

    def __init__(self, *, delta: float = 0.002) -> None:
        self.delta = delta

    def start(self) -> State:
        """An empty window.

        `levels`: for each size of buckets those that there are, oldest first, as [sum, squared deviations].
        """
        return {"ticks": 0, "levels": [[]]}

    def after(self, state: State, error: float) -> tuple[State, bool]:
        """See the class."""
        levels = [[list(bucket) for bucket in level] for level in state["levels"]]
        levels[0].append([error, 0.0])
        self._compress(levels)
        ticks, worse = state["ticks"] + 1, False
        if ticks % self.EVERY == 0:
            while (cut := self._cut(levels)) is not None:
                worse = worse or cut > 0
                self._drop(levels)
        return {"ticks": ticks, "levels": levels}, worse

    def width(self, state: State) -> int:
        """How many errors the window has."""
        return sum(len(level) << at for at, level in enumerate(state["levels"]))

    def _compress(self, levels: list[list[list[float]]]) -> None:
        for at, level in enumerate(levels):
            if len(level) <= self.MOST:
                return
            if at + 1 == len(levels):
                levels.append([])
            one, other = level.pop(0), level.pop(0)
            levels[at + 1].append(list(_merged(1 << at, one, 1 << at, other)))

    def _cut(self, levels: list[list[list[float]]]) -> float | None:
        """How much higher the mean is after a cut than before it, for the first cut that counts; None if none does."""
        buckets = [(1 << at, total, squares) for at in reversed(range(len(levels))) for total, squares in levels[at]]
        width = sum(size for size, *_ in buckets)
        if width <= self.GRACE:
            return None
        whole = (0, (0.0, 0.0))
        for size, total, squares in buckets:
            whole = (whole[0] + size, _merged(whole[0], whole[1], size, (total, squares)))
        total_sum, variance = whole[1][0], whole[1][1] / width
        likely = math.log(2 * math.log(width) / self.delta)
        older, older_sum = 0, 0.0
        for size, total, _ in buckets[:-1]:
            older, older_sum = older + size, older_sum + total
            newer = width - older
            if older < self.LEAST or newer < self.LEAST:
                continue
            gap = (total_sum - older_sum) / newer - older_sum / older
            part = 1 / (older - self.LEAST + 1) + 1 / (newer - self.LEAST + 1)
            if abs(gap) > math.sqrt(2 * part * variance * likely) + 2 / 3 * likely * part:
                return gap
        return None

    def _drop(self, levels: list[list[list[float]]]) -> None:
        levels[-1].pop(0)
        while len(levels) > 1 and not levels[-1]:
            levels.pop()


def _merged(
    count: int, one: "list[float] | tuple[float, float]", more: int, other: "list[float] | tuple[float, float]"
) -> tuple[float, float]:
    """Sum and squared deviations of two parts together."""
    if not count:
        return other[0], other[1]
    gap = one[0] / count - other[0] / more
    return one[0] + other[0], one[1] + other[1] + gap * gap * count * more / (count + more)
