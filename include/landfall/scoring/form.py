"""The form of a model between a library and SQL: columns, the scalars made of them, scores, and what is decided by scores.

A form is read from a fitted model (`spark_form`, `sklearn_form`) and written as SQL (`sql`). It holds numbers only: nothing in
it can run. What the libraries do differently (the order of a sum, which side a tie goes to) is a field here, so that neither
side of the form needs to know the other.
"""

import math
from dataclasses import dataclass
from typing import Literal

from landfall.errors import SpecError
from landfall.scoring.scalars import Column, Scalar, column_of, require_finite
from landfall.scoring.trees import DEEPEST, Row, Tree, depth, leaves, splits


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Scores: `start`, plus each tree's values, first tree first; all divided by `over`. A weight is in the leaf values."""

    trees: tuple[Tree, ...]
    start: Row = (0.0,)
    over: float = 1.0

    def __post_init__(self) -> None:
        require_finite("Ensemble.start", [*self.start, self.over])
        if not self.trees or not self.start or self.over == 0:
            raise SpecError("Ensemble has no trees, no scores, or is divided by 0.", looked=f"{len(self.trees)} trees")
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
        """One more than the largest number of a feature that a tree asks for."""
        return 1 + max((node.feature for tree in self.trees for node in splits(tree.root)), default=-1)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Score k: the sum of coefficient times feature, first feature first; the intercept is added last."""

    coefficients: tuple[Row, ...]
    intercepts: Row

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
    """Score k: the squared Euclidean distance to centre k; if `expanded`, less the square of the features themselves.

    scikit-learn (`_k_means_lloyd`): `|c|^2 - 2 x.c`. Spark ML (`MLUtils.fastSquaredDistance`) takes the expanded form where
    it is precise to 1e-6 and the plain sum elsewhere: the plain sum stands for both.
    """

    centers: tuple[Row, ...]
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
    """Score k, of s = the sum of (x - mean)^2 / variance: `prior + (constant - 0.5 s)`.

    If `halved_together` it is `prior - (s + constant) / 2`. scikit-learn (`GaussianNB._joint_log_likelihood`) has the first,
    its constant -0.5 times the sum of log(2 pi variance); Spark ML (`NaiveBayesModel.gaussianCalculation`) the second, its
    constant the sum of log(variance).
    """

    priors: Row
    constants: Row
    means: tuple[Row, ...]
    variances: tuple[Row, ...]
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
    """The prediction is the one score."""


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The prediction is the number of the smallest score, the first of equal ones."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The prediction is a class: that of the largest score, the first of equal ones; of one score, by the `cut`.

    Args:
        labels: What is predicted, in the order of the scores.
        probability: `scores`: they are the probabilities. `share`: each by their sum. `softmax`: exp(score - largest), each
            by their sum. `logistic`: of one score, 1 / (1 + exp(-steepness * score)).
        cut: Of one score: more than this is the second class.
        cut_above: Whether the cut itself is the second class.
        steepness: See `logistic`: 2 for Spark's boosted trees.
        direct: See `logistic`: the class whose probability is computed; the other's is 1 less that.
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
        """How many scores there must be."""
        return 1 if self.probability == "logistic" else len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A whole model: the features that it sees, in their order, how they become scores, and what is made of scores."""

    features: tuple[Scalar, ...]
    scorer: Scorer
    decision: Value | Nearest | Classes

    def __post_init__(self) -> None:
        wanted, there = self.scorer.features, len(self.features)
        if wanted > there or (wanted < there and not isinstance(self.scorer, Ensemble)):
            raise SpecError(
                f"The model's scores are of {wanted} features, there are {there}.", looked="expected as many"
            )
        scores = 1 if isinstance(self.decision, Value) else self.scorer.scores
        if isinstance(self.decision, Classes):
            scores = self.decision.scores
            if self.decision.probability == "logistic" and len(self.decision.labels) != 2:
                raise SpecError(
                    "A logistic probability is of two classes.", looked=f"{len(self.decision.labels)} labels"
                )
        if scores != self.scorer.scores:
            raise SpecError(f"The model decides by {scores} scores.", looked=f"there are {self.scorer.scores}")
        kinds: dict[str, str] = {}
        for column in map(column_of, self.features):
            if kinds.setdefault(column.name, column.kind) != column.kind:
                raise SpecError(
                    f"The column `{column.name}` is taken for a number and for text.", looked="expected one"
                )

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that the model needs, each once, in the order of its features."""
        return tuple(dict.fromkeys(map(column_of, self.features)))


def _require_matrix(what: str, rows: tuple[Row, ...], count: int) -> None:
    if not rows or len(rows) != count or len({len(row) for row in rows}) != 1:
        raise SpecError(
            f"{what} has rows of {', '.join(str(len(row)) for row in rows) or 'nothing'}.",
            looked=f"expected {count} equally long ones",
        )
    require_finite(what, [value for row in rows for value in row])
