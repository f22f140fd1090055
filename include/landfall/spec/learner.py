"""A learner declares how a model is made: feature stages, an estimator, its parameters and, to try several, a grid."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

from landfall.errors import SpecError
from landfall.spec.feature_stages import STAGES, FeatureStage, stage_fields

Number = int | float | str | bool
Task = Literal["regression", "classification", "clustering"]
Library = Literal["spark", "scikit-learn"]
ESTIMATORS: dict[str, tuple[Task, ...]] = {
    "random_forest": ("regression", "classification"),
    "gradient_boosted_trees": ("regression", "classification"),
    "decision_tree": ("regression", "classification"),
    "linear": ("regression",),
    "logistic": ("classification",),
    "k_means": ("clustering",),
}
"""Estimator -> the tasks that it can do."""


@dataclass(frozen=True, kw_only=True)
class Estimator:
    """A learning algorithm under its usual name, with parameters under the names that its library gives them.

    Args:
        kind: The algorithm: see `ESTIMATORS`.
        task: regression, classification or clustering.
        parameters: Parameter of the library's class -> value, such as `numTrees` in Spark or `n_estimators` in scikit-learn.
        grid: Parameter -> values to try. Each combination is tried once, with a split that is ordered in time.
        library: The library whose implementation is used.
    """

    kind: str
    task: Task
    parameters: dict[str, Number] = field(default_factory=dict)
    grid: dict[str, tuple[Number, ...]] = field(default_factory=dict)
    library: Library = "spark"

    def __post_init__(self) -> None:
        if self.kind not in ESTIMATORS:
            raise SpecError.unknown("estimator", self.kind, list(ESTIMATORS))
        if self.task not in ESTIMATORS[self.kind]:
            raise SpecError(
                f"Estimator `{self.kind}` does no {self.task}.", looked=f"it does: {', '.join(ESTIMATORS[self.kind])}"
            )
        if self.library not in get_args(Library):
            raise SpecError.unknown("library", self.library, list(get_args(Library)))
        for name, values in self.grid.items():
            if not values:
                raise SpecError(f"Estimator.grid has no values for `{name}`.", looked="expected at least one")


@dataclass(frozen=True, kw_only=True)
class Learner:
    """How a model is made from the rows of a feature table.

    Args:
        features: What the model sees, in this order: columns of the table, or outputs of `stages`.
        estimator: The algorithm that learns.
        label: The column to predict; empty for clustering.
        stages: Feature stages. Each reads columns of the table or outputs of the stages before it.
        scaling: How the assembled features are scaled before the estimator sees them; empty: not at all.
        seed: The seed of everything random.
        holdout: How many of the newest partitions are held out to judge the model; at most a fifth of all partitions.
        minimum: The smallest number of partitions to train on. With fewer nothing is trained.
        time: The column that orders rows. The held-out rows are those of the newest partitions.
    """

    features: tuple[str, ...]
    estimator: Estimator
    label: str = ""
    stages: tuple[FeatureStage, ...] = ()
    scaling: Literal["", "standard", "min_max", "max_abs"] = ""
    seed: int = 7
    holdout: int = 14
    minimum: int = 7
    time: str = "time"

    def __post_init__(self) -> None:
        if not self.features:
            raise SpecError("Learner.features is empty.", looked="expected names of columns")
        if len(set(self.features)) != len(self.features):
            raise SpecError("Learner.features has a name twice.", looked=", ".join(self.features))
        if bool(self.label) == (self.estimator.task == "clustering"):
            raise SpecError(
                f"Learner.label is `{self.label}`.",
                looked="expected the column to predict, and none for clustering",
            )
        if self.label and self.label in self.features:
            raise SpecError(f"Learner.label `{self.label}` is among the features.", looked=", ".join(self.features))
        if self.scaling not in ("", "standard", "min_max", "max_abs"):
            raise SpecError.unknown("scaling", self.scaling, ["standard", "min_max", "max_abs"])
        if self.holdout < 1 or self.minimum < 2:
            raise SpecError(
                f"Learner.holdout is {self.holdout}, minimum {self.minimum}.",
                looked="expected at least 1 partition held out of at least 2",
            )
        if self.stages and self.estimator.library != "spark":
            raise SpecError(
                "Learner.stages are those of Spark ML; a learner of scikit-learn takes columns as they are.",
                looked=f"{self.estimator.library}: {', '.join(stage.kind for stage in self.stages)}",
            )
        outputs = [stage.output for stage in self.stages]
        if clash := {name for name in outputs if outputs.count(name) > 1}:
            raise SpecError("Learner.stages give a name twice.", looked=", ".join(sorted(clash)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the feature table that the model needs for a prediction, sorted."""
        made: set[str] = set()
        needed: set[str] = set()
        for stage in self.stages:
            needed |= set(stage.inputs) - made
            made.add(stage.output)
        return tuple(sorted(needed | (set(self.features) - made)))

    def to_json(self) -> str:
        """The learner as one line of JSON. A job gets it in this form on its command line."""
        fields = asdict(self)
        fields["stages"] = [stage_fields(stage) for stage in self.stages]
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The learner that `to_json` wrote.

        Raises:
            SpecError: the text describes no valid learner, for instance because it names an unknown estimator or stage.
        """
        fields: dict[str, Any] = json.loads(text)
        estimator = fields.pop("estimator")
        grid = {name: tuple(values) for name, values in estimator.pop("grid").items()}
        return cls(
            estimator=Estimator(**estimator, grid=grid),
            features=tuple(fields.pop("features")),
            stages=tuple(_stage(stage) for stage in fields.pop("stages")),
            **fields,
        )


def _stage(fields: dict[str, Any]) -> FeatureStage:
    kind = fields.pop("stage")
    if kind not in STAGES:
        raise SpecError.unknown("feature stage", kind, list(STAGES))
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return STAGES[kind](**{**fields, **lists})
