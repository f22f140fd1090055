"""A table model learns from a table of rows, instead of from data that lands day by day."""

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
        key: The key of the object in the bucket.
        sha256: The SHA-256 of its bytes, in hexadecimal digits.
        rows: The number of rows.
    """

    key: str
    sha256: str
    rows: int

    @property
    def tag(self) -> str:
        """The value of a version's tag `landfall.rows`: JSON with these three fields."""
        return json.dumps(asdict(self))

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> Self | None:
        """The file that the tags of a version name; None if they name none."""
        try:
            values = json.loads(tags["landfall.rows"])
            return cls(key=str(values["key"]), sha256=str(values["sha256"]), rows=int(values["rows"]))
        except (KeyError, ValueError, TypeError):
            return None


@dataclass(frozen=True, kw_only=True)
class TableModel:
    """A model of a table's rows. It has no feed and no partitions. It predicts in the tables that it is deployed to.

    Args:
        name: The name of the registered model and of the MLflow experiment, and its name on the command line.
        learner: How it is made. `Learner.holdout`, `minimum` and `time` are about partitions and do not apply.
        rows: Gives the rows, the same ones at every call. A training run calls it; reading a DAG file never does.
        classes: The names of the classes 0, 1, 2, ...; empty if the prediction is a number.
        holdout: The share of the rows that is held out to judge the model. `Learner.seed` decides which rows.
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
        """The job that fits the model. The file with the rows is not among its arguments: the run must write it first."""
        return Job(name="train_rows", arguments={"learner": self.learner.to_json(), "holdout": str(self.holdout)})

    @property
    def folder(self) -> str:
        """The prefix in the bucket under which the rows land, with a slash at its end."""
        return f"datasets/{self.name}/"
