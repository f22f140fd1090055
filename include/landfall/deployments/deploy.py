"""Deploy a version of a model to a table, or put it in the place of another version: a plan, then one transaction.

Whoever inserts a row meanwhile gets the version before or the one after, never none. A table keeps its rows and its triggers.
Rows that were there already are left as they are: `rescore` scores them.
"""

from collections.abc import Callable

from landfall.database import Database, connect
from landfall.deployments.change import Say, changing, silent
from landfall.deployments.history import Deployed, deployed
from landfall.deployments.names import TableName
from landfall.deployments.plan import Plan, plan_deployment
from landfall.deployments.present import look
from landfall.deployments.registered import find_registered
from landfall.deployments.request import Request, Unscorable
from landfall.deployments.scoring import compile_scoring
from landfall.deployments.version import Registered
from landfall.spec import Settings


def carry_out(settings: Settings, request: Request, *, say: Say = silent, only_show: bool = False) -> Deployed:
    """Reads the model from the registry and deploys it: see `deploy`.

    Raises:
        ModelError: there is no such version, or it has a part that has no form in SQL. Nothing was changed.
        DeploymentError, PublishingError, SpecError: as `deploy`.
    """
    version = find_registered(settings, request.model, request.version, request.run_id)
    say(f"-- read `{version.model}` version {version.version}, of run {version.run_id}, from the registry")
    with connect(settings) as conn:
        return deploy(conn, request, version, say=say, only_show=only_show)


def deploy(
    conn: Database,
    request: Request,
    version: Registered,
    *,
    say: Say = silent,
    only_show: bool = False,
    patience: float = 60,
) -> Deployed:
    """Deploys a version, or puts it in the place of another version of the same model.

    Args:
        conn: A connection of its own, in autocommit mode, of the role that owns the table.
        request: What was asked for.
        version: The version that it means.
        say: Gets what happens, and each statement.
        only_show: Whether the plan is shown, tried and taken back.
        patience: Seconds to wait for locks.

    Raises:
        DeploymentError: it cannot be done as it was asked. Nothing was changed.
        SpecError: the model's own numbers are so large that every row overflows.
        PublishingError: writers held the table for longer than `patience`. Nothing was changed.
    """
    scoring = compile_scoring(version, request.classes, request.unscorable)
    name = f"`{version.model}` version {version.version}"
    say(f"-- {name}{scoring.size}: a row is scored by {scoring.for_a_row}")

    def work(run: Callable[[Plan], None]) -> Deployed:
        present = look(conn, request)
        run(plan_deployment(request, scoring, present, "redeployed" if present.found else "deployed"))
        return deployed(conn, request.table)

    what = f"{name} could not be deployed to `{request.table}`."
    return changing(conn, what, work, say=say, only_show=only_show, patience=patience)


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
