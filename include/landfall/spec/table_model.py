"""TableModel: a model that learns from a table of rows, instead of from what lands day by day."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from landfall.errors import SpecError
from landfall.spec.learner import Learner
from landfall.spec.pipeline import Job

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class RowsFile:
    """The rows that a version of a table model has learnt from: one Parquet file, named after its content.

    Args:
        key: Of the object in the bucket.
        sha256: Of its bytes, in hexadecimal digits.
        rows: How many there are.
    """

    key: str
    sha256: str
    rows: int

    @property
    def tag(self) -> str:
        """As a version's tag `landfall.rows` holds it: JSON with these three fields."""
        return json.dumps(asdict(self))

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> Self | None:
        """The file that the tags of a version name; None if they name none."""
        try:
            told = json.loads(tags["landfall.rows"])
            return cls(key=str(told["key"]), sha256=str(told["sha256"]), rows=int(told["rows"]))
        except (KeyError, ValueError, TypeError):
            return None


@dataclass(frozen=True, kw_only=True)
class TableModel:
    """A model of a table's rows. It has no feed and no partitions, and it predicts where it is deployed to.

    Args:
        name: The registered model, the MLflow experiment, and what the command line calls it.
        learner: What it is made of. `Learner.holdout`, `minimum` and `time` speak of partitions and do not apply.
        rows: Gives the rows, each time the same ones; called by a training run, never while a file is read.
        classes: Names of the classes 0, 1, 2, ...; empty where the prediction is a number.
        holdout: The share of the rows that is held out to judge the model. Which ones is drawn by `Learner.seed`.
    """

    name: str
    learner: Learner
    rows: "Callable[[], pa.Table]"
    classes: tuple[str, ...] = ()
    holdout: float = 0.2

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise SpecError(f"TableModel.name `{self.name}` is not a name.", looked="expected lower_case_words")
        if not 0 < self.holdout <= 0.5:
            raise SpecError(
                f"TableModel.holdout of `{self.name}` is {self.holdout}.",
                looked="expected a share over 0 and up to 0.5",
            )
        if self.learner.estimator.grid:
            raise SpecError(
                f"TableModel `{self.name}` cannot try a grid.",
                looked="its points are tried in the order of partitions, which a table of rows has not",
            )
        self._check_classes()

    def _check_classes(self) -> None:
        task = self.learner.estimator.task
        if self.classes and task != "classification":
            raise SpecError(
                f"TableModel `{self.name}` has classes, but does {task}.", looked=", ".join(map(repr, self.classes))
            )
        if self.classes and (len(self.classes) < 2 or "" in self.classes or len(set(self.classes)) < len(self.classes)):
            raise SpecError(
                f"TableModel.classes of `{self.name}` name no two classes or more.",
                looked=f"expected different names, not {', '.join(map(repr, self.classes))}",
            )

    @property
    def training(self) -> Job:
        """The job that fits the model; which file the rows are in is known when the run has landed them."""
        return Job(name="train_rows", arguments={"learner": self.learner.to_json(), "holdout": str(self.holdout)})

    @property
    def folder(self) -> str:
        """Where the rows land: a prefix of the bucket, with a slash at its end."""
        return f"datasets/{self.name}/"
