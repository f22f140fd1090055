"""What every algorithm here has: a state of plain numbers, statistics of some rows, and an update of the one by the other.

The statistics of two sets of rows can be merged. So they can be computed by one process for one row and, as an aggregate of
Spark, by many for a billion. The rows of one step all see the state from before the step.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float64]
"""Shape (rows, features)."""
Values = npt.NDArray[np.float64]
"""A number for each row; NaN where there is none."""
Numbers = Mapping[str, npt.NDArray[np.float64]]
"""Name -> numbers: a state, or the statistics of some rows. Each array's shape is known to the algorithm; counts are whole."""


class Learner(Protocol):
    """An algorithm. It changes nothing that it is given."""

    warm_up: int
    """The first rows that are kept and learnt together at each row; 0: none."""

    def start(self) -> Numbers:
        """The state before the first row."""

    def began(self, rows: Rows) -> Numbers:
        """The state that the rows of the warm-up alone give."""

    def statistics(self, state: Numbers, rows: Rows, labels: Values) -> Numbers:
        """What an update needs to know of the rows."""

    def merged(self, one: Numbers, other: Numbers) -> Numbers:
        """The statistics of two sets of rows together, of the statistics of each."""

    def updated(self, state: Numbers, statistics: Numbers, *, faster: bool = False) -> Numbers:
        """The state after a step. `faster`: what is older counts half as long, if the algorithm forgets at all."""

    def answers(self, state: Numbers, rows: Rows) -> Values:
        """A cluster, a class or a number for each row; NaN where the state knows too little."""


def no_labels(rows: Rows) -> Values:
    """A missing label for each row."""
    return np.full(len(rows), np.nan)


def plain(numbers: Numbers) -> dict[str, object]:
    """The numbers as JSON writes them. Python writes every float with the digits that give the same float again."""
    return {name: array.tolist() for name, array in sorted(numbers.items())}


def restored(written: Mapping[str, object], like: Numbers) -> Numbers:
    """The numbers that `plain` wrote.

    Args:
        written: Name -> lists of numbers.
        like: A state of the same algorithm. Its dimensions after the first say how empty lists are shaped.

    Raises:
        KeyError: a name is missing.
    """
    return {name: matrix(written[name], *array.shape[1:]) for name, array in like.items()}


def matrix(written: object, *columns: int) -> npt.NDArray[np.float64]:
    """Lists of numbers as an array with these dimensions after the first: they cannot be seen from an empty list."""
    assert isinstance(written, list)
    return np.array(written, dtype=np.float64).reshape(len(written), *columns)
