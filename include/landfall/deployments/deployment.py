"""A deployment, as it is asked for: which version of a model scores the rows of which table, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from landfall.deployments.names import TableName, check_name, check_schema
from landfall.errors import DeploymentError
from landfall.scoring import Model
from landfall.scoring.form import Classes

Unscorable = Literal["null", "error"]
NOTHING = "nothing was changed"
PREDICTION, REASON, VERSION = "prediction", "prediction_reason", "model_version"
PROBABILITY = "probability_"


@dataclass(frozen=True, kw_only=True)
class Create:
    """A table that is to be made for a deployment.

    Args:
        primary_key: Column -> type as PostgreSQL has it, such as `bigint`.
        columns: Further columns -> type. The model's own inputs need not be among them.
    """

    primary_key: Mapping[str, str]
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.primary_key:
            raise DeploymentError(
                "A table that is to be made needs a primary key.",
                looked="expected at least one column, such as id",
                left=NOTHING,
                next="landfall deploy MODEL --table TABLE --create-table --primary-key id",
            )


@dataclass(frozen=True, kw_only=True)
class After:
    """The deployment whose predictions feed this one, in the same transaction.

    Args:
        table: Its table.
        feeds: Input of the model -> column of that table. An input that is not named is fed by the column of its name; the
            only one that has none, by the prediction.
    """

    table: TableName
    feeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is asked for.

    Args:
        table: Where rows are scored.
        model: The registered model.
        version: Its version.
        form: The model itself.
        run_id: The MLflow run that made it.
        classes: What its classes are called, in the order of its labels; empty: as the model calls them.
        unscorable: What a row gets that the model cannot score: no prediction and a reason, or an error.
        after: What feeds it.
        readers: Roles that are to insert rows and read them.
    """

    table: TableName
    model: str
    version: str
    form: Model
    run_id: str = ""
    classes: tuple[str, ...] = ()
    unscorable: Unscorable = "null"
    after: After | None = None
    readers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_schema(self.table)
        if self.unscorable not in ("null", "error"):
            raise DeploymentError.unknown("way with rows that cannot be scored", self.unscorable, ["null", "error"])
        labels = self.form.decision.labels if isinstance(self.form.decision, Classes) else ()
        if self.classes and (len(self.classes) != len(labels) or len(set(self.classes)) != len(self.classes)):
            raise DeploymentError(
                f"`{self.model}` has {len(labels)} classes, {len(self.classes)} names are given.",
                looked=f"{', '.join(map(str, labels)) or 'none'}; names: {', '.join(self.classes)}",
                left=NOTHING,
                next="name each class once, in that order" if labels else "leave the names out",
            )
        for name in self.outputs:
            check_name("column", name)
        for column in self.form.inputs:
            if check_name("column", column.name) in self.outputs:
                raise DeploymentError(
                    f"`{self.model}` needs a column `{column.name}`, which is what its own prediction is put into.",
                    looked=f"put in: {', '.join(self.outputs)}",
                    left=NOTHING,
                    next=f"train it on a column of another name than `{column.name}`",
                )

    @property
    def named(self) -> Model:
        """The form, with its classes as they are called here."""
        if not self.classes or not isinstance(self.form.decision, Classes):
            return self.form
        return replace(self.form, decision=replace(self.form.decision, labels=self.classes))

    @property
    def probabilities(self) -> tuple[str, ...]:
        """The columns of the classes' probabilities, in the order of the labels."""
        decision = self.named.decision
        labels = decision.labels if isinstance(decision, Classes) else ()
        return tuple(PROBABILITY + (label if isinstance(label, str) else _short(label)) for label in labels)

    @property
    def outputs(self) -> dict[str, str]:
        """Column that is filled -> its type."""
        decision = self.named.decision
        texts = isinstance(decision, Classes) and isinstance(decision.labels[0], str)
        made = {PREDICTION: "text" if texts else "double precision"}
        made |= dict.fromkeys(self.probabilities, "double precision")
        if self.unscorable == "null":
            made[REASON] = "text"
        return {**made, VERSION: "text"}


def _short(label: float) -> str:
    """A number without a fraction that says nothing: `2`, `0.5`."""
    return str(int(label)) if label.is_integer() else repr(label)
