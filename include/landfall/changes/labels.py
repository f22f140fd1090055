"""Names for clusters: the assignment of labels to clusters that explains most of the labelled rows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Names = tuple[int | None, ...]
"""For each cluster its label, counted from 0; None as long as no labelled row was in it."""
TIE = 1e-9
"""How many rows an assignment that stands is worth more than another that explains as many."""


def named(counts: npt.NDArray[np.float64], before: Sequence[int | None] = ()) -> Names:
    """The label of each cluster.

    Each label names one cluster, so that the sum of the rows that are explained is as large as it can be (the assignment problem,
    H. W. Kuhn, 1955, doi:10.1002/nav.3800020109; the algorithm is SciPy's). A cluster that is left over, because there are more
    clusters than labels with rows, gets the label that most of its rows have.

    Args:
        counts: The labelled rows of each cluster (row) with each label (column).
        before: The assignment that stands. It stays where another is not better.
    """
    from scipy.optimize import linear_sum_assignment

    worth = counts.copy()
    for cluster, label in enumerate(before[: len(counts)]):
        if label is not None and worth[cluster, label] > 0:
            worth[cluster, label] += TIE
    names: list[int | None] = [None] * len(counts)
    for cluster, label in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
        if counts[cluster, label] > 0:
            names[cluster] = int(label)
    for cluster, label in enumerate(names):
        if label is None and counts[cluster].max(initial=0.0) > 0:
            names[cluster] = int(worth[cluster].argmax())
    return tuple(names)


def crossed(clusters: npt.NDArray[np.float64], labels: npt.NDArray[np.float64], shape: tuple[int, int]) -> np.ndarray:
    """How many rows of each cluster (row) have each label (column). Rows without a label do not count."""
    counts = np.zeros(shape)
    known = ~np.isnan(clusters) & ~np.isnan(labels)
    np.add.at(counts, (clusters[known].astype(int), labels[known].astype(int)), 1.0)
    return counts
