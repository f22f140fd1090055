"""The request of a person, all in names: which model is to score the rows of which table, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from landfall.deployments.names import TableName, check_schema
from landfall.errors import DeploymentError

Unscorable = Literal["null", "error"]
Key = Mapping[str, str] | Sequence[str] | str
NOTHING = "nothing was changed"


@dataclass(frozen=True, kw_only=True)
class Create:
    """A table that is to be made for a deployment.

    Args:
        primary_key: Column -> its type in PostgreSQL, such as `bigint`.
        columns: Further column -> type. The model's own inputs may be left out: the table gets them anyway.
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
        feeds: Input of the model -> column of that table. Any other input is fed by the column of its own name. If exactly one
            input has no such column, the prediction feeds it.
    """

    table: TableName
    feeds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A deployment as a person requests it.

    Args:
        table: The table whose rows the model is to score.
        model: The registered model.
        version: The model's version. None: the champion, or the newest if no version was promoted.
        run_id: The MLflow run that made the version, instead of its number.
        create: If given, the table is made. It may exist already if it was made for the same model.
        classes: The names of the classes, in the order of the model's labels; empty: the names that its training declared.
        unscorable: What happens to a row that the model cannot score. `null`: it gets no prediction and a reason. `error`: the
            statement that writes it fails.
        after: The deployment that feeds the table; None if none does, or if the present one is to stay.
        readers: Roles that get the right to insert rows and to read them.
    """

    table: TableName
    model: str
    version: str | None = None
    run_id: str | None = None
    create: Create | None = None
    classes: tuple[str, ...] = ()
    unscorable: Unscorable = "null"
    after: After | None = None
    readers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_schema(self.table)
        if self.unscorable not in ("null", "error"):
            raise DeploymentError.unknown("way with rows that cannot be scored", self.unscorable, ["null", "error"])


def key_of(given: Key | None) -> dict[str, str]:
    """Column -> type of a primary key that is given as `id`, `["id"]`, `{"id": "uuid"}` or `id:uuid`. No type means `bigint`."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    pairs = [name.partition(":") for name in ([given] if isinstance(given, str) else given)]
    return {name.strip(): kind.strip() or "bigint" for name, _, kind in pairs}


def after_of(table: str | None, feeds: Sequence[str]) -> After | None:
    """The source of a chain, from the arguments of a command; None if neither is given.

    Args:
        table: The source's table.
        feeds: `INPUT=COLUMN` for each input whose column has another name.

    Raises:
        DeploymentError: a feed does not have that form, or feeds are given without a table.
    """
    pairs = [[part.strip() for part in feed.partition("=")] for feed in feeds]
    if wrong := [feed for feed, pair in zip(feeds, pairs, strict=True) if not all(pair)]:
        raise DeploymentError(
            f"`{wrong[0]}` does not say what feeds what.", looked="expected INPUT=COLUMN", left=NOTHING
        )
    if not table:
        if feeds:
            raise DeploymentError(
                f"`{feeds[0]}` is a feed, but no table is to feed.",
                looked="expected the table of another deployment",
                left=NOTHING,
                next="--after TABLE",
            )
        return None
    return After(table=TableName.parse(table), feeds={name: column for name, _, column in pairs})
