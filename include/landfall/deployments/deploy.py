"""Deploys a version of a model to a table, or replaces the version that scores it: first a plan, then one transaction.

A row that is inserted meanwhile is scored by the version before or by the version after, never by none. The table keeps its rows
and its own triggers. Rows that were there already stay as they are: `rescore` scores them.
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
    """Reads the model from the registry and deploys it with `deploy`.

    Raises:
        ModelError: there is no such version, or a part of it cannot be written in SQL. Nothing was changed.
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
        request: The request.
        version: The version that the request means.
        say: Called with a line for each thing that happens, and with each statement.
        only_show: True if the plan is only shown: it is carried out and rolled back.
        patience: Seconds to wait for locks.

    Raises:
        DeploymentError: the request cannot be fulfilled. Nothing was changed.
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
    """A request that replaces the version that scores a table now, and changes nothing else.

    Raises:
        DeploymentError: nothing is deployed there.
    """
    with connect(settings) as conn:
        current = deployed(conn, table)
    unscorable: Unscorable = "error" if current.unscorable == "error" else "null"
    return Request(
        table=table,
        model=current.model,
        version=version,
        run_id=run_id,
        classes=current.classes,
        unscorable=unscorable,
    )
