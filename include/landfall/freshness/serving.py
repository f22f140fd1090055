"""Which version of a model serves, and which one MLflow calls its champion.

The history of promotions says which version serves. MLflow's alias only shows it to people. Anybody who reaches MLflow can set
the alias, so an alias on another version is not used. It is written down in `landfall.other_aliases` until it is put right.
"""

from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.errors import ModelError
from landfall.freshness.history import PromotionRecord
from landfall.models.registry import pipeline_of


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What is known about a model's champion.

    Args:
        model: The registered model.
        line: The promotion or rollback that made the present version serve; None if there was none.
        alias: The version that MLflow calls the champion; None if there is no such version.
    """

    model: str
    line: PromotionRecord | None
    alias: str | None

    @property
    def version(self) -> str | None:
        """The version that serves; None before the first promotion."""
        return self.line.version if self.line else None

    @property
    def remark(self) -> str:
        """What a person should know about the alias, with the command that puts it right; empty if it is right."""
        return remark_of(self.model, self.version, self.alias) if self.alias != self.version else ""

    def refused(self) -> ModelError:
        """The error for a model whose alias somebody has set although no version of it was promoted."""
        name = pipeline_of(self.model)
        return ModelError(
            f"Version {self.alias} of `{self.model}` is called the champion in MLflow, but Landfall did not promote it: it is "
            "not used.",
            looked="landfall.promotions has no promotion of this model",
            left="no version serves; nothing was changed",
            next=f"landfall models {name}    (then, to accept it: landfall promote {name} {self.alias})",
            fault="request",
        )


def remark_of(model: str, serving: str | None, alias: str | None) -> str:
    """What a person should know about an alias that is not on the version that serves."""
    name, serves = pipeline_of(model), f"version {serving} serves" if serving else "no version serves"
    back = f"landfall promote {name} {serving}" if serving else ""
    if alias is None:
        return (
            f"MLflow calls no version of `{model}` the champion any more; {serves}    (to put the alias back: {back})"
        )
    accept = f"to accept it: landfall promote {name} {alias}"
    return (
        f"MLflow calls version {alias} of `{model}` the champion, which Landfall did not promote: it is not used, {serves}    "
        f"({accept}{f'; to put the alias back: {back}' if back else ''})"
    )


_OTHERS = sql.SQL("SELECT model, serving, version FROM landfall.other_aliases WHERE model = ANY (%s) ORDER BY model")


def other_aliases(conn: Database, names: list[str]) -> list[str]:
    """One remark for each model whose alias was not on the version that serves when Landfall last looked at it.

    Only the models in `names` are considered. This asks no registry and imports no MLflow.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, "Which aliases in MLflow are not used is not known."):
        rows = fetch(conn, _OTHERS, [names])
    return [
        remark_of(str(name), *(None if version is None else str(version) for version in versions))
        for name, *versions in rows
    ]
