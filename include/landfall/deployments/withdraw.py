"""Puts an earlier version of a deployment back, or takes a model away from a table."""

from collections.abc import Callable

from landfall.database import Database
from landfall.deployments.change import Say, changing, silent
from landfall.deployments.history import Deployed, deployed, deployments, history, scoring_of
from landfall.deployments.names import TableName
from landfall.deployments.plan import Plan, plan_deployment, plan_withdrawal
from landfall.deployments.present import look
from landfall.deployments.request import Request
from landfall.errors import DeploymentError


def roll_back(
    conn: Database, name: TableName, *, to: str | None = None, say: Say = silent, only_show: bool = False
) -> Deployed:
    """Puts an earlier version in the place of the one that scores. Its SQL comes from the history: the registry is not needed.

    Args:
        conn: A connection of its own, in autocommit mode.
        name: The table.
        to: The version to go back to. None: the last different version before the present one.
        say: Called with each statement.
        only_show: True if everything is rolled back at the end.

    Raises:
        DeploymentError: nothing is deployed to the table, or no such version has scored it.
    """

    def work(run: Callable[[Plan], None]) -> Deployed:
        current = deployed(conn, name)
        spans = [span for span in history(conn, current) if span.model == current.model]
        earlier = [span for span in spans if (span.version == to if to else span.version != current.version)]
        if not earlier:
            raise DeploymentError(
                f"No {f'version {to}' if to else 'version before'} of `{current.model}` has scored `{name}`"
                f"{'' if to else f': version {current.version} is the first'}.",
                looked=f"landfall.deployed_versions: {', '.join(dict.fromkeys(span.version for span in spans))}",
                left="nothing was changed",
                next=f"landfall redeploy {name} --model-version VERSION",
            )
        request = Request(table=name, model=current.model)
        run(plan_deployment(request, scoring_of(conn, earlier[0].id), look(conn, request), "rolled back"))
        return deployed(conn, name)

    return changing(conn, f"`{name}` could not go back.", work, say=say, only_show=only_show)


def undeploy(
    conn: Database, name: TableName, *, drop_columns: bool = False, say: Say = silent, only_show: bool = False
) -> Deployed:
    """Takes the model away from a table. Its rows keep their predictions, unless the columns are dropped.

    Args:
        conn: A connection of its own, in autocommit mode.
        name: The table; it may have been dropped.
        drop_columns: True if the filled columns are dropped too.
        say: Called with each statement.
        only_show: True if everything is rolled back at the end.

    Returns:
        The deployment that ended.

    Raises:
        DeploymentError: nothing is deployed to the table, or it feeds another table.
    """

    def work(run: Callable[[Plan], None]) -> Deployed:
        withdrawn = deployed(conn, name)
        run(plan_withdrawal(withdrawn, deployments(conn), drop_columns=drop_columns))
        return withdrawn

    return changing(conn, f"`{name}` could not be freed of its model.", work, say=say, only_show=only_show)
