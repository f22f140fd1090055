"""Histograms of a feature: its bins, counted fast, and the distance between two histograms.

The bins are made once, from the values that a model learns from. Later values are counted in the same bins, so that drift needs
one pass over the new values and none over the old ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

BINS = 100
"""The most bins between the lowest and the highest value."""
GROUPS = 10
"""PSI combines the bins into this many groups of about equal mass."""
FLOOR = 1e-4
"""The smallest share of a group in PSI: an empty one would make it infinite."""
CELLS = 4096
STEPS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Bins:
    """The bins in which the values of one feature are counted.

    Bin 0 holds values below `edges[0]`, bin i those from `edges[i-1]` up to but not including `edges[i]`, bin `len(edges)` the
    rest. One more bin holds what is no number (null and NaN).
    """

    edges: "Floats"

    @classmethod
    def of(cls, values: "Floats") -> Self:
        """Bins for these values: one for each distinct value if there are at most 100, else one for each of 100 quantiles.

        No value is below the first edge or above the last.
        """
        import numpy as np

        finite = values[np.isfinite(values)]
        if not len(finite):
            return cls(edges=np.array([0.0, 1.0]))
        lower = np.unique(finite)
        if len(lower) > BINS:
            lower = np.unique(np.quantile(finite, np.linspace(0, 1, BINS + 1)[:-1]))
        with np.errstate(over="ignore"):  # after the largest double comes infinity
            return cls(edges=np.append(lower, np.nextafter(finite.max(), np.inf)))

    @property
    def count(self) -> int:
        """The number of bins, including those outside of the edges and the one for missing values."""
        return len(self.edges) + 2

    def histogram(self, values: "Floats") -> "Integers":
        """How many of `values` are in each bin."""
        import numpy as np

        bin_of = self._find(values)
        bin_of[np.isnan(values)] = len(self.edges) + 1
        counts: Integers = np.bincount(bin_of, minlength=self.count)
        return counts

    def _find(self, values: "Floats") -> "npt.NDArray[Any]":
        """The bin of each value: the result of `numpy.searchsorted(edges, values, side="right")`, five times as fast.

        A grid of equal cells says how many edges are in earlier cells than the value's own; the edges in its own cell are
        compared one by one. Rounding cannot put a value and an edge into cells of the wrong order, as each step is monotone.
        """
        import numpy as np

        low, scale, earlier, steps, edges = self._grid
        if not scale or steps > STEPS:
            bin_of: npt.NDArray[Any] = np.searchsorted(self.edges, values, side="right")
            return bin_of
        cell = np.fmin(np.fmax(values, low), self.edges[-1])
        cell -= low
        cell *= scale
        bin_of = earlier.take(np.minimum(cell.astype(np.int32), CELLS - 1))
        for _ in range(steps):
            bin_of += values >= edges.take(bin_of)
        return bin_of

    @cached_property
    def _grid(self) -> "tuple[float, float, npt.NDArray[np.int16], int, Floats]":
        """Lowest edge, cells per unit (0: no grid is possible), edges before each cell, most edges in a cell, edges."""
        import numpy as np

        low, width = float(self.edges[0]), float(self.edges[-1]) - float(self.edges[0])
        scale = CELLS / width if width > 0 and math.isfinite(width) else 0.0
        if not scale or not math.isfinite(scale):
            return low, 0.0, np.zeros(0, dtype=np.int16), 0, self.edges
        cells = np.minimum(((self.edges - low) * scale).astype(np.int64), CELLS - 1)
        earlier = np.searchsorted(cells, np.arange(CELLS)).astype(np.int16)
        return low, scale, earlier, int(np.bincount(cells).max()), np.append(self.edges, np.nan)


def describe(values: "Floats") -> dict[str, object]:
    """The reference of one feature, for JSON: `edges`, `counts` (of the bins of numbers), `missing`, `rows`."""
    bins = Bins.of(values)
    counts = bins.histogram(values).tolist()
    return {"edges": bins.edges.tolist(), "counts": counts[:-1], "missing": counts[-1], "rows": len(values)}


def read_bins(reference: Mapping[str, Any]) -> Bins:
    """The bins of a reference that `describe` made."""
    import numpy as np

    return Bins(edges=np.array(reference["edges"], dtype=np.float64))


def distances(reference: Mapping[str, Any], counts: Sequence[int]) -> dict[str, float]:
    """PSI and KS between a reference and newer values counted in its bins (see `Bins.histogram`)."""
    before = [*reference["counts"], reference["missing"]]
    return {"psi": psi(before, counts), "ks": ks(before, counts)}


def psi(before: Sequence[int], after: Sequence[int]) -> float:
    """Population stability index: the sum over groups of (a - b) ln(a / b), b and a the shares before and after.

    There are ten groups of about equal mass before, each a run of bins. Values below all earlier ones, values above them, and
    missing values are groups of their own. A share counts as at least 0.0001. Below 0.1 little has changed, above 0.25 much
    has (N. Siddiqi, Credit Risk Scorecards, 2006, chapter 9).
    """
    old, new = _grouped(before, before), _grouped(before, after)
    index = 0.0
    for group in old:
        b, a = max(old[group] / sum(before), FLOOR), max(new[group] / sum(after), FLOOR)
        index += (a - b) * math.log(a / b)
    return index


def ks(before: Sequence[int], after: Sequence[int]) -> float:
    """Kolmogorov-Smirnov statistic: the largest distance of the two cumulative shares, at the bins' edges.

    Missing values count as lower than every number. Between edges the distance can be larger by at most a bin's share.
    """
    farthest, old, new = 0.0, 0, 0
    for b, a in zip([before[-1], *before[:-1]], [after[-1], *after[:-1]], strict=True):
        old, new = old + b, new + a
        farthest = max(farthest, abs(old / sum(before) - new / sum(after)))
    return farthest


def _grouped(before: Sequence[int], counts: Sequence[int]) -> dict[int | str, int]:
    """`counts` by group; `before` alone decides which bins make a group."""
    inside = sum(before[1:-2])
    grouped: dict[int | str, int] = {"below": counts[0], "above": counts[-2], "missing": counts[-1]}
    passed = 0
    for number, count in zip(before[1:-2], counts[1:-2], strict=True):
        middle = (passed + number / 2) / inside if inside else 0.0
        group = min(int(middle * GROUPS), GROUPS - 1)
        grouped[group] = grouped.get(group, 0) + count
        passed += number
    return grouped
