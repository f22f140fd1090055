"""A deployment as a person asks for it, by names: of a model in the registry, from the command line, Airflow or Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from landfall.database import connect
from landfall.deployments.change import Say, silent
from landfall.deployments.deploy import deploy
from landfall.deployments.deployment import After, Create, Deployment, Unscorable
from landfall.deployments.history import Deployed, deployed
from landfall.deployments.names import TableName, check_schema
from landfall.deployments.registered import find_registered
from landfall.errors import DeploymentError
from landfall.spec import Settings

Key = Mapping[str, str] | Sequence[str] | str


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for.

    Args:
        table: Where rows are scored.
        model: The registered model.
        version: Its version; None: the champion, or the newest where nothing was promoted.
        run_id: The MLflow run that made it, instead of its number.
        create: Given, the table is made.
        classes: See `Deployment`; empty: as its training has declared them.
        unscorable: See `Deployment`.
        after: See `Deployment`.
        readers: See `Deployment`.
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


def carry_out(settings: Settings, request: Request, *, say: Say = silent, only_show: bool = False) -> Deployed:
    """Reads the model from the registry and deploys it. See `landfall.deployments.deploy`.

    Raises:
        ModelError: there is no such version, or it has a part that has no form in SQL. Nothing was changed.
        DeploymentError, PublishingError, SpecError: as `deploy`.
    """
    found = find_registered(settings, request.model, request.version, request.run_id)
    say(f"-- read `{found.model}` version {found.version}, of run {found.run_id}, from the registry")
    asked = Deployment(
        table=request.table,
        model=found.model,
        version=found.version,
        form=found.form,
        run_id=found.run_id,
        classes=request.classes or found.classes,
        unscorable=request.unscorable,
        after=request.after,
        readers=request.readers,
    )
    with connect(settings) as conn:
        return deploy(conn, asked, create=request.create, say=say, only_show=only_show)


def another_version(settings: Settings, table: TableName, version: str | None, run_id: str | None = None) -> Request:
    """The request that puts another version in the place of the one that scores a table now, and changes nothing else.

    Raises:
        DeploymentError: nothing is deployed there.
    """
    with connect(settings) as conn:
        now = deployed(conn, table)
    unscorable: Unscorable = "error" if now.unscorable == "error" else "null"
    return Request(
        table=table, model=now.model, version=version, run_id=run_id, classes=now.classes, unscorable=unscorable
    )


def key_of(told: Key | None) -> dict[str, str]:
    """Column -> type, of what a person gives: `id`, `["id"]`, `{"id": "uuid"}`, or `id:uuid`; `bigint` where none is said."""
    if told is None:
        return {}
    if isinstance(told, Mapping):
        return dict(told)
    pairs = [name.partition(":") for name in ([told] if isinstance(told, str) else told)]
    return {name.strip(): kind.strip() or "bigint" for name, _, kind in pairs}


def after_of(table: str | None, feeds: Sequence[str]) -> After | None:
    """What feeds a table, of `TABLE` and of `INPUT=COLUMN` for each input of another name.

    Raises:
        DeploymentError: a feed is not of that form, or nothing is to feed.
    """
    pairs = [[part.strip() for part in each.partition("=")] for each in feeds]
    if wrong := [each for each, pair in zip(feeds, pairs, strict=True) if not all(pair)]:
        raise DeploymentError(
            f"`{wrong[0]}` does not say what feeds what.", looked="expected INPUT=COLUMN", left="nothing was changed"
        )
    if not table:
        if feeds:
            raise DeploymentError(
                f"`{feeds[0]}` is a feed, but no table is to feed.",
                looked="expected the table of another deployment",
                left="nothing was changed",
                next="--after TABLE",
            )
        return None
    return After(table=TableName.parse(table), feeds={name: column for name, _, column in pairs})
