"""The form of a model, between its library and SQL: columns, the scalars made of them, the scores, and the decision.

A form is read from a fitted model (`spark_form`, `sklearn_form`) and written as SQL (`sql`). It holds only numbers and names:
nothing in it can run. Where the libraries differ (the order of a sum, the side that a tie goes to) the form has a field, so
that its readers and its writers need not know each other.
"""

import math
from dataclasses import dataclass
from typing import Literal

from landfall.errors import SpecError
from landfall.scoring.scalars import InputColumn, Scalar, column_of, require_finite
from landfall.scoring.trees import DEEPEST, Numbers, Tree, depth, leaves, splits


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Scores: `start` plus the values of each tree, first tree first, all divided by `over`. Leaf values include the weights.

    If `single`, each addition is rounded to float32, as XGBoost computes; then all numbers must be float32 already, and `over` 1.
    """

    trees: tuple[Tree, ...]
    start: Numbers = (0.0,)
    over: float = 1.0
    single: bool = False

    def __post_init__(self) -> None:
        require_finite("Ensemble.start", [*self.start, self.over])
        if not self.trees or not self.start or self.over == 0:
            raise SpecError("Ensemble has no trees, no scores, or is divided by 0.", looked=f"{len(self.trees)} trees")
        if self.single and self.over != 1:
            raise SpecError("Ensemble.over is not 1.", looked=f"{self.over}; a sum in float32 is not divided")
        for tree in self.trees:
            if depth(tree.root) > DEEPEST:
                raise SpecError(f"A tree is {depth(tree.root)} splits deep.", looked=f"expected {DEEPEST} at most")
            widths = {len(leaf.values) for leaf in leaves(tree.root)}
            if len(widths) != 1 or not 0 <= tree.score <= len(self.start) - max(widths):
                raise SpecError(
                    f"A tree's leaves have {' and '.join(map(str, sorted(widths)))} values from score {tree.score} on.",
                    looked=f"expected equally many, within the ensemble's {len(self.start)}",
                )

    @property
    def scores(self) -> int:
        return len(self.start)

    @property
    def features(self) -> int:
        """One more than the largest feature number in any tree's splits."""
        return 1 + max((node.feature for tree in self.trees for node in splits(tree.root)), default=-1)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Score k is the sum of coefficient times feature, from the first feature on; the intercept is added last."""

    coefficients: tuple[Numbers, ...]
    intercepts: Numbers

    def __post_init__(self) -> None:
        _require_matrix("Linear.coefficients", self.coefficients, len(self.intercepts))
        require_finite("Linear.intercepts", self.intercepts)

    @property
    def scores(self) -> int:
        return len(self.intercepts)

    @property
    def features(self) -> int:
        return len(self.coefficients[0])


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Score k is the squared Euclidean distance to centre k; if `expanded`, without the square of the features themselves.

    scikit-learn (`_k_means_lloyd`) computes `|c|^2 - 2 x.c`, the expanded form. Spark ML (`MLUtils.fastSquaredDistance`) takes
    that where it is precise to 1e-6, and the plain sum elsewhere; here the plain sum stands for both.
    """

    centers: tuple[Numbers, ...]
    expanded: bool = False

    def __post_init__(self) -> None:
        _require_matrix("Distances.centers", self.centers, len(self.centers))

    @property
    def scores(self) -> int:
        return len(self.centers)

    @property
    def features(self) -> int:
        return len(self.centers[0])


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Score k is `prior + (constant - 0.5 s)`, where s is the sum of (x - mean)^2 / variance.

    If `halved_together`, it is `prior - (s + constant) / 2`. scikit-learn (`GaussianNB._joint_log_likelihood`) computes the
    first, with a constant of -0.5 times the sum of log(2 pi variance). Spark ML (`NaiveBayesModel.gaussianCalculation`)
    computes the second, with the sum of log(variance) as its constant.
    """

    priors: Numbers
    constants: Numbers
    means: tuple[Numbers, ...]
    variances: tuple[Numbers, ...]
    halved_together: bool = False

    def __post_init__(self) -> None:
        _require_matrix("Gaussian.means", self.means, len(self.priors))
        _require_matrix("Gaussian.variances", self.variances, len(self.priors))
        require_finite("Gaussian.constants", [*self.priors, *self.constants])
        if any(variance <= 0 for row in self.variances for variance in row):
            raise SpecError("Gaussian.variances has a number that is not positive.", looked="expected positive numbers")

    @property
    def scores(self) -> int:
        return len(self.priors)

    @property
    def features(self) -> int:
        return len(self.means[0])


Scorer = Ensemble | Linear | Distances | Gaussian


@dataclass(frozen=True, kw_only=True)
class Value:
    """The prediction is the score, of which there is only one; or `exp` of it, or (`logistic`) 1 / (1 + exp(-score))."""

    link: Literal["identity", "exp", "logistic"] = "identity"


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The prediction is the number of the smallest score; the first of several equal ones."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The prediction is a class: the one with the largest score, the first of equal ones. A single score is compared with `cut`.

    Args:
        labels: The classes, in the order of the scores.
        probability: `scores`: the scores are the probabilities. `share`: each score divided by their sum. `softmax`: each
            exp(score - largest) divided by their sum. `logistic`, for a single score: 1 / (1 + exp(-steepness * score)).
        cut: For a single score: a larger one is the second class.
        cut_above: True if a score equal to the cut is the second class too.
        steepness: The factor of `logistic`: 2 for Spark's boosted trees.
        direct: For `logistic`: the class whose probability is computed; the other's is 1 minus that.
    """

    labels: tuple[float, ...] | tuple[str, ...]
    probability: Literal["scores", "share", "softmax", "logistic"]
    cut: float = 0.0
    cut_above: bool = False
    steepness: float = 1.0
    direct: Literal[0, 1] = 1

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise SpecError(f"Classes.labels is {self.labels}.", looked="expected two or more, each once")
        if math.isnan(self.cut):
            raise SpecError("Classes.cut is nan.", looked="expected a number")

    @property
    def scores(self) -> int:
        """How many scores this decision needs."""
        return 1 if self.probability == "logistic" else len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A whole model: its features in order, how they become scores, and how the scores become a prediction."""

    features: tuple[Scalar, ...]
    scorer: Scorer
    decision: Value | Nearest | Classes

    def __post_init__(self) -> None:
        needed, present = self.scorer.features, len(self.features)
        if needed > present or (needed < present and not isinstance(self.scorer, Ensemble)):
            raise SpecError(f"The scorer needs {needed} features, the model has {present}.", looked="expected as many")
        scores = 1 if isinstance(self.decision, Value) else self.scorer.scores
        if isinstance(self.decision, Classes):
            scores = self.decision.scores
            if self.decision.probability == "logistic" and len(self.decision.labels) != 2:
                raise SpecError(
                    "A logistic probability needs exactly two classes.", looked=f"{len(self.decision.labels)} labels"
                )
        if scores != self.scorer.scores:
            raise SpecError(
                f"The model's decision needs {scores} scores.", looked=f"its scorer gives {self.scorer.scores}"
            )
        kinds: dict[str, str] = {}
        for column in map(column_of, self.features):
            if kinds.setdefault(column.name, column.kind) != column.kind:
                raise SpecError(
                    f"The column `{column.name}` is used both as a number and as text.", looked="expected one kind"
                )

    @property
    def inputs(self) -> tuple[InputColumn, ...]:
        """The columns that the model needs, each once, in the order of its features."""
        return tuple(dict.fromkeys(map(column_of, self.features)))


def _require_matrix(what: str, rows: tuple[Numbers, ...], count: int) -> None:
    if not rows or len(rows) != count or len({len(row) for row in rows}) != 1:
        raise SpecError(
            f"{what} has rows of {', '.join(str(len(row)) for row in rows) or 'nothing'}.",
            looked=f"expected {count} equally long ones",
        )
    require_finite(what, [value for row in rows for value in row])
