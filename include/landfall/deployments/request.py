"""What a person asks for, by names: which model is to score the rows of which table, and how."""

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
class Request:
    """A deployment as a person asks for it.

    Args:
        table: The table whose rows the model is to score.
        model: The registered model.
        version: Its version; None: the champion, or the newest where nothing was promoted.
        run_id: The MLflow run that made it, instead of its number.
        create: If given, the table is made; it may exist already if it was made for the same model.
        classes: What the classes are called, in the order of the model's labels; empty: as its training has declared them.
        unscorable: What a row gets that the model cannot score: no prediction and a reason, or an error.
        after: What feeds the table.
        readers: Roles that are to insert rows and read them.
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
    """Column -> type, of what a person gives: `id`, `["id"]`, `{"id": "uuid"}`, or `id:uuid`; `bigint` if no type is given."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    pairs = [name.partition(":") for name in ([given] if isinstance(given, str) else given)]
    return {name.strip(): kind.strip() or "bigint" for name, _, kind in pairs}


def after_of(table: str | None, feeds: Sequence[str]) -> After | None:
    """What feeds a table, of `TABLE` and of `INPUT=COLUMN` for each input of another name.

    Raises:
        DeploymentError: a feed does not have that form, or there is a feed and no table.
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
