"""The algorithms that learn one step at a time, with their parameters. What each computes is in `landfall.changes.learners`."""

from dataclasses import dataclass
from typing import Literal

from landfall.errors import SpecError

Task = Literal["regression", "classification", "clustering"]


@dataclass(frozen=True, kw_only=True)
class DecayedKMeans:
    """K-means whose older rows count less and less: the update rule of Spark's `StreamingKMeans`.

    Args:
        clusters: How many.
        decay: What is left of the weight of older rows after one `unit`: 1 keeps everything, 0 forgets everything.
        half_life: After how many units half of the weight is left; it takes the place of `decay`.
        unit: `rows`: the weight decays with each learnt row. `steps`: with each step, however many rows it has.
        warm_up: The first rows, which are kept and clustered together whenever one is added: the centers begin there. 0 stands
            for ten rows a cluster.
    """

    clusters: int
    decay: float = 1.0
    half_life: float | None = None
    unit: Literal["rows", "steps"] = "rows"
    warm_up: int = 0

    def __post_init__(self) -> None:
        if self.clusters < 1:
            raise SpecError(f"DecayedKMeans.clusters is {self.clusters}.", looked="expected 1 or more")
        if not 0 <= self.decay <= 1:
            raise SpecError(f"DecayedKMeans.decay is {self.decay}.", looked="expected a number from 0 to 1")
        if self.half_life is not None and (self.half_life <= 0 or self.decay != 1.0):
            raise SpecError(
                f"DecayedKMeans.half_life is {self.half_life}, decay {self.decay}.",
                looked="expected a half-life above 0, or a decay, not both",
            )
        if self.unit not in ("rows", "steps"):
            raise SpecError.unknown("unit", self.unit, ["rows", "steps"])
        if self.warm_up and self.warm_up < self.clusters:
            raise SpecError(
                f"DecayedKMeans.warm_up is {self.warm_up} for {self.clusters} clusters.",
                looked="expected at least a row a cluster, or 0",
            )

    @property
    def task(self) -> Task:
        """What it does."""
        return "clustering"

    @property
    def factor(self) -> float:
        """The decay of one unit; with a half-life it is exp(ln(0.5) / half-life)."""
        return self.decay if self.half_life is None else 0.5 ** (1.0 / self.half_life)


@dataclass(frozen=True, kw_only=True)
class LearningRate:
    """How large the t-th step of stochastic gradient descent is: `first / t ** power`, where t counts from 1.

    Args:
        first: The size of the first step.
        power: 0 keeps the size; 0.25 is the usual choice of scikit-learn's `invscaling`.
    """

    first: float = 0.01
    power: float = 0.0

    def __post_init__(self) -> None:
        if self.first <= 0 or self.power < 0:
            raise SpecError(
                f"LearningRate has first {self.first}, power {self.power}.",
                looked="expected first above 0, power 0 or more",
            )

    def at(self, step: int) -> float:
        """The size of step number `step`, which counts from 1."""
        return float(self.first / step**self.power)


@dataclass(frozen=True, kw_only=True)
class SgdRegression:
    """Linear regression by stochastic gradient descent on half of the squared error.

    Args:
        rate: The schedule of the steps.
        l2: How strongly weights are pulled towards 0; the intercept is not.
    """

    rate: LearningRate = LearningRate()
    l2: float = 0.0

    def __post_init__(self) -> None:
        _require_not_negative("SgdRegression.l2", self.l2)

    @property
    def task(self) -> Task:
        """What it does."""
        return "regression"


@dataclass(frozen=True, kw_only=True)
class SgdClassification:
    """Logistic regression by stochastic gradient descent on the log loss; with more than two classes the softmax of it.

    Args:
        rate: The schedule of the steps.
        l2: How strongly weights are pulled towards 0; the intercepts are not.
    """

    rate: LearningRate = LearningRate(first=0.05)
    l2: float = 0.0

    def __post_init__(self) -> None:
        _require_not_negative("SgdClassification.l2", self.l2)

    @property
    def task(self) -> Task:
        """What it does."""
        return "classification"


@dataclass(frozen=True, kw_only=True)
class GaussianBayes:
    """Naive Bayes that takes each feature of a class as normally distributed.

    Args:
        smoothing: The part of the largest variance of a feature that is added to every variance.
    """

    smoothing: float = 1e-9

    def __post_init__(self) -> None:
        _require_not_negative("GaussianBayes.smoothing", self.smoothing)

    @property
    def task(self) -> Task:
        """What it does."""
        return "classification"


def _require_not_negative(what: str, value: float) -> None:
    if value < 0:
        raise SpecError(f"{what} is {value}.", looked="expected 0 or more")


Algorithm = DecayedKMeans | SgdRegression | SgdClassification | GaussianBayes
