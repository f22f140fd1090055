"""K-means with decay: the update rule of Spark's StreamingKMeans, in numpy.

With a decay `a`, a center `c` of weight `n` and `m` new rows of mean `x` that are nearest to it, for each step:

    n' = n a + m                    (a is raised to the number of the step's rows if the unit is `rows`)
    c' = c (n a / n') + x (m / n')

A cluster whose weight falls below 1e-8 of the largest is dying: it and the largest share their weights, and their centers lie
beside each other, 1e-14 of each coordinate apart. Source: Apache Spark 4.0,
`org.apache.spark.mllib.clustering.StreamingKMeansModel.update`.

Spark begins with centers that are given or drawn at random. Here the first rows, the warm-up, are clustered together: the centers
begin with the first row, then again and again with the row that is farthest from all centers (T. F. Gonzalez, 1985,
doi:10.1016/0304-3975(85)90224-5), and are moved to their means ten times (S. P. Lloyd, 1982, doi:10.1109/TIT.1982.1056489).
Nothing is random, so the same rows give the same state.
"""

import numpy as np

from landfall.changes.learners.learner import Numbers, Rows, Values
from landfall.spec.online_algorithms import DecayedKMeans

DYING, APART, TINY = 1e-8, 1e-14, 1e-16
"""Spark's three constants: see above; the last keeps a division by zero away."""
ROUNDS = 10


class KMeans:
    """Decayed k-means. Its state: `centers` (clusters found so far, features), `weights` (a number for each center)."""

    def __init__(self, declared: DecayedKMeans, size: int) -> None:
        self.declared, self.size = declared, size
        self.warm_up = declared.warm_up or 10 * declared.clusters

    def start(self) -> Numbers:
        """No centers."""
        return {"centers": np.empty((0, self.size)), "weights": np.empty(0)}

    def began(self, rows: Rows) -> Numbers:
        """As many centers as there are different rows, at most `clusters`."""
        if not len(rows):
            return self.start()
        chosen = [0]
        far = _squares(rows, rows[:1])[:, 0]
        while len(chosen) < self.declared.clusters and far.max() > 0:
            chosen.append(int(far.argmax()))
            far = np.minimum(far, _squares(rows, rows[chosen[-1] :][:1])[:, 0])
        centers = rows[chosen].copy()
        counts = np.zeros(len(centers))
        for _ in range(ROUNDS):
            nearest = _squares(rows, centers).argmin(axis=1)
            counts = np.bincount(nearest, minlength=len(centers)).astype(np.float64)
            sums = _sums(rows, nearest, len(centers))
            some = counts > 0
            centers[some] = sums[some] / counts[some, None]
        return {"centers": centers, "weights": counts}

    def statistics(self, state: Numbers, rows: Rows, labels: Values) -> Numbers:
        """`counts` and `sums` of the rows that are nearest to each center."""
        clusters = len(state["centers"])
        nearest = _squares(rows, state["centers"]).argmin(axis=1)
        counts = np.bincount(nearest, minlength=clusters).astype(np.float64)
        return {"counts": counts, "sums": _sums(rows, nearest, clusters)}

    def merged(self, one: Numbers, other: Numbers) -> Numbers:
        """Both are sums."""
        return {name: one[name] + other[name] for name in one}

    def updated(self, state: Numbers, statistics: Numbers, *, faster: bool = False) -> Numbers:
        """The rule above."""
        counts, sums = statistics["counts"], statistics["sums"]
        weights = state["weights"] * self.discount(float(counts.sum()), faster=faster) + counts
        centers = state["centers"].copy()
        some = counts > 0
        share = counts[some] / np.maximum(weights[some], TINY)
        centers[some] = centers[some] * (1.0 - share)[:, None] + sums[some] * (share / counts[some])[:, None]
        _revive(centers, weights)
        return {"centers": centers, "weights": weights}

    def discount(self, rows: float, *, faster: bool = False) -> float:
        """What is left of older weights after a step with so many rows."""
        factor = self.declared.factor ** (2 if faster else 1)
        return float(factor**rows if self.declared.unit == "rows" else factor)

    def answers(self, state: Numbers, rows: Rows) -> Values:
        """The number of the nearest center; the lower one of two that are equally near."""
        if not len(state["centers"]):
            return np.full(len(rows), np.nan)
        return np.asarray(_squares(rows, state["centers"]).argmin(axis=1), dtype=np.float64)


def _squares(rows: Rows, centers: Rows) -> Rows:
    """The squared distance of each row from each center. Column after column, so that no machine's BLAS has a say in it."""
    total = np.zeros((len(rows), len(centers)))
    for column in range(rows.shape[1]):
        total += (rows[:, column, None] - centers[None, :, column]) ** 2
    return total


def _sums(rows: Rows, nearest: np.ndarray, clusters: int) -> Rows:
    columns = [
        np.bincount(nearest, weights=rows[:, at], minlength=clusters).astype(np.float64) for at in range(rows.shape[1])
    ]
    return np.stack(columns, axis=1)


def _revive(centers: Rows, weights: Values) -> None:
    """Splits the largest cluster if the smallest is dying. Changes both arrays."""
    largest, smallest = int(weights.argmax()), int(weights.argmin())
    if not weights[smallest] < DYING * weights[largest]:
        return
    weights[[largest, smallest]] = (weights[largest] + weights[smallest]) / 2.0
    center = centers[largest].copy()
    apart = APART * np.maximum(np.abs(center), 1.0)
    centers[largest], centers[smallest] = center + apart, center - apart
