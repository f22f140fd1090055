"""Linear and logistic regression by stochastic gradient descent.

With weights `w`, an intercept `b`, n rows `x` with targets `y`, and the size `r_t` of step t:

    residual = w x + b - y                                   (regression; half of the squared error)
    residual = sigma(w x + b) - y                            (two classes; the log loss)
    residual_k = softmax(W x + b)_k - [y = k]                (more classes; the cross-entropy)
    w' = w - r_t (mean of residual x + l2 w),   b' = b - r_t (mean of residual)

With one row a step this is the rule of scikit-learn's `SGDRegressor` without a penalty, and of river's `LinearRegression`,
`LogisticRegression` and `SoftmaxRegression`. A step of several rows is one step along their mean gradient, not several steps.
Source: L. Bottou, Stochastic Gradient Descent Tricks, 2012, doi:10.1007/978-3-642-35289-8_25.
"""

import numpy as np

from landfall.changes.learners.learner import Numbers, Rows, Values
from landfall.spec.online_algorithms import LearningRate, SgdClassification, SgdRegression


class _Descent:
    """What the two have in common. The state: `weights` (outputs, features), `intercepts` (outputs), `steps` (one number)."""

    warm_up = 0

    def __init__(self, rate: LearningRate, l2: float, size: int, outputs: int) -> None:
        self.rate, self.l2, self.size, self.outputs = rate, l2, size, outputs

    def start(self) -> Numbers:
        """Zeros."""
        return {
            "weights": np.zeros((self.outputs, self.size)),
            "intercepts": np.zeros(self.outputs),
            "steps": np.zeros(1),
        }

    def began(self, rows: Rows) -> Numbers:
        """Zeros: there is no warm-up."""
        return self.start()

    def statistics(self, state: Numbers, rows: Rows, labels: Values) -> Numbers:
        """The sums of the gradients of the rows that have a label, and their `count`."""
        known = ~np.isnan(labels)
        rows, residuals = rows[known], self._residuals(state, rows[known], labels[known])
        gradient = np.stack([(residual[:, None] * rows).sum(axis=0) for residual in residuals.T])
        return {"gradient": gradient, "slope": residuals.sum(axis=0), "count": np.array([float(known.sum())])}

    def merged(self, one: Numbers, other: Numbers) -> Numbers:
        """All are sums."""
        return {name: one[name] + other[name] for name in one}

    def updated(self, state: Numbers, statistics: Numbers, *, faster: bool = False) -> Numbers:
        """The rule above; rows without a label make no step."""
        count = float(statistics["count"][0])
        if not count:
            return state
        size = self.rate.at(int(state["steps"][0]) + 1)
        pull = self.l2 * state["weights"]
        return {
            "weights": state["weights"] - size * (statistics["gradient"] / count + pull),
            "intercepts": state["intercepts"] - size * (statistics["slope"] / count),
            "steps": state["steps"] + 1,
        }

    def _residuals(self, state: Numbers, rows: Rows, labels: Values) -> Rows:
        raise NotImplementedError

    def _outputs(self, state: Numbers, rows: Rows) -> Rows:
        """w x + b for each row and output, summed column after column."""
        outputs = [(rows * weights).sum(axis=1) for weights in state["weights"]]
        return np.asarray(np.stack(outputs, axis=1) + state["intercepts"], dtype=np.float64)


class Linear(_Descent):
    """Linear regression."""

    def __init__(self, declared: SgdRegression, size: int) -> None:
        super().__init__(declared.rate, declared.l2, size, 1)

    def _residuals(self, state: Numbers, rows: Rows, labels: Values) -> Rows:
        return self._outputs(state, rows) - labels[:, None]

    def answers(self, state: Numbers, rows: Rows) -> Values:
        """w x + b; before the first step nothing."""
        if not state["steps"][0]:
            return np.full(len(rows), np.nan)
        return np.asarray(self._outputs(state, rows)[:, 0], dtype=np.float64)


class Logistic(_Descent):
    """Logistic regression; with more than two classes softmax regression."""

    def __init__(self, declared: SgdClassification, size: int, classes: int) -> None:
        super().__init__(declared.rate, declared.l2, size, 1 if classes == 2 else classes)

    def _residuals(self, state: Numbers, rows: Rows, labels: Values) -> Rows:
        likely = self.probabilities(state, rows)
        if self.outputs == 1:
            return np.asarray(likely[:, 1:] - labels[:, None], dtype=np.float64)
        return np.asarray(likely - (labels[:, None] == np.arange(self.outputs)[None, :]), dtype=np.float64)

    def probabilities(self, state: Numbers, rows: Rows) -> Rows:
        """The probability of each class."""
        outputs = self._outputs(state, rows)
        if self.outputs == 1:
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
        raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def answers(self, state: Numbers, rows: Rows) -> Values:
        """The likeliest class; the first of several that are equally likely; before the first step nothing."""
        if not state["steps"][0]:
            return np.full(len(rows), np.nan)
        return np.asarray(self.probabilities(state, rows).argmax(axis=1), dtype=np.float64)
