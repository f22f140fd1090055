"""A version of a registered model that can be deployed, and the columns that it fills."""

from dataclasses import dataclass, replace
from typing import Self

from landfall.deployments.names import check_name
from landfall.deployments.request import NOTHING, Unscorable
from landfall.errors import DeploymentError
from landfall.scoring import Model
from landfall.scoring.form import Classes

PREDICTION, REASON, VERSION = "prediction", "prediction_reason", "model_version"
PROBABILITY = "probability_"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A version that can be deployed.

    Args:
        model: The registered model.
        version: The version's number.
        form: What the version computes.
        run_id: The MLflow run that made the version.
        classes: The declared names of its classes, in the order of its labels; empty: the form's own labels are the names.
    """

    model: str
    version: str
    form: Model
    run_id: str = ""
    classes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[float, ...] | tuple[str, ...]:
        """The labels of its classes; empty if it predicts a number."""
        return self.form.decision.labels if isinstance(self.form.decision, Classes) else ()

    def called(self, classes: tuple[str, ...]) -> Self:
        """The same version with these names of classes in its form; without names, with those that were declared for it.

        Raises:
            DeploymentError: there are not as many names as classes, or a name occurs twice.
        """
        names = classes or self.classes
        if not names:
            return self
        if len(names) != len(self.labels) or len(set(names)) != len(names):
            raise DeploymentError(
                f"`{self.model}` has {len(self.labels)} classes, {len(names)} names are given.",
                looked=f"{', '.join(map(str, self.labels)) or 'none'}; names: {', '.join(names)}",
                left=NOTHING,
                next="name each class once, in that order" if self.labels else "leave the names out",
            )
        assert isinstance(self.form.decision, Classes)
        return replace(self, classes=names, form=replace(self.form, decision=replace(self.form.decision, labels=names)))

    @property
    def probabilities(self) -> tuple[str, ...]:
        """The columns that hold the probabilities of the classes, in the order of the labels."""
        return tuple(PROBABILITY + (label if isinstance(label, str) else _short(label)) for label in self.labels)

    def outputs(self, unscorable: Unscorable) -> dict[str, str]:
        """Column that the version fills -> its type.

        Raises:
            DeploymentError: PostgreSQL does not take the name of a column, or the model reads a column that it would fill.
        """
        texts = bool(self.labels) and isinstance(self.labels[0], str)
        filled = {PREDICTION: "text" if texts else "double precision"}
        filled |= dict.fromkeys(self.probabilities, "double precision")
        filled |= {REASON: "text"} if unscorable == "null" else {}
        filled[VERSION] = "text"
        for name in [*filled, *(column.name for column in self.form.inputs)]:
            check_name("column", name)
        if clashes := [column.name for column in self.form.inputs if column.name in filled]:
            raise DeploymentError(
                f"`{self.model}` needs a column `{clashes[0]}`, which is what its own prediction is put into.",
                looked=f"put in: {', '.join(filled)}",
                left=NOTHING,
                next=f"train it on a column of another name than `{clashes[0]}`",
            )
        return filled


def _short(label: float) -> str:
    """The number without a fraction of zero: `2` instead of `2.0`, but `0.5`."""
    return str(int(label)) if label.is_integer() else repr(label)
