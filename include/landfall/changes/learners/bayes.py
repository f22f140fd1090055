"""Gaussian naive Bayes: class k has a share p_k of the rows, and each feature j a mean m_kj and a variance v_kj there.

    answer = argmax_k  ln p_k - sum_j ( ln(2 pi v_kj) + (x_j - m_kj)^2 / v_kj ) / 2

v_kj is the mean squared deviation, plus `smoothing` times the largest variance that a feature has over all rows, as in
scikit-learn's `GaussianNB` (which takes that of the rows of its last `partial_fit` alone). Counts, means and squared deviations
merge exactly (`moments`), so the state does not depend on the steps but for rounding.
"""

import numpy as np

from landfall.changes.learners import moments
from landfall.changes.learners.learner import Numbers, Rows, Values
from landfall.spec.online_algorithms import GaussianBayes


class Bayes:
    """Naive Bayes. The state: `count` (classes), `mean` and `squares` (classes, features)."""

    warm_up = 0

    def __init__(self, declared: GaussianBayes, size: int, classes: int) -> None:
        self.declared, self.size, self.classes = declared, size, classes

    def start(self) -> Numbers:
        """No rows."""
        shape = (self.classes, self.size)
        return {"count": np.zeros(self.classes), "mean": np.zeros(shape), "squares": np.zeros(shape)}

    def began(self, rows: Rows) -> Numbers:
        """No rows: there is no warm-up."""
        return self.start()

    def statistics(self, state: Numbers, rows: Rows, labels: Values) -> Numbers:
        """Count, mean and squared deviations of the rows of each class; rows without a label are left out."""
        each = [moments.moments(rows[labels == number]) for number in range(self.classes)]
        stacked = {name: np.stack([of[name] for of in each]) for name in ("mean", "squares")}
        return {"count": np.concatenate([of["count"] for of in each]), **stacked}

    def merged(self, one: Numbers, other: Numbers) -> Numbers:
        """See `moments.merged`."""
        return moments.merged(one, other)

    def updated(self, state: Numbers, statistics: Numbers, *, faster: bool = False) -> Numbers:
        """The state is the statistics of all rows so far."""
        return moments.merged(state, statistics)

    def answers(self, state: Numbers, rows: Rows) -> Values:
        """The likeliest class among those that have rows; nothing before the first row."""
        count = state["count"]
        if not count.sum():
            return np.full(len(rows), np.nan)
        widest = float(moments.variance(self._overall(state)).max())
        variance = moments.variance(state) + self.declared.smoothing * widest
        variance = np.where(variance > 0, variance, np.finfo(np.float64).tiny)
        likely = np.full((len(rows), self.classes), -np.inf)
        for number in np.flatnonzero(count):
            with np.errstate(over="ignore"):  # a feature that never varied: any other value is infinitely unlikely
                terms = np.log(2 * np.pi * variance[number]) + (rows - state["mean"][number]) ** 2 / variance[number]
            likely[:, number] = np.log(count[number] / count.sum()) - terms.sum(axis=1) / 2
        return np.asarray(likely.argmax(axis=1), dtype=np.float64)

    def _overall(self, state: Numbers) -> Numbers:
        total = moments.no_moments(self.size)
        for number in range(self.classes):
            one = {name: state[name][number] for name in ("mean", "squares")}
            total = moments.merged(total, {"count": state["count"][number : number + 1], **one})
        return total
