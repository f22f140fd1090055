"""Go back to the version that scored before, or take a model away from a table."""

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
    """Puts an earlier version in the place of the one that scores, from the history: no registry is asked.

    Args:
        conn: A connection of its own, in autocommit mode.
        name: The table.
        to: Which version; None: the last one before that is another.
        say: Gets each statement.
        only_show: Whether it is taken back at the end.

    Raises:
        DeploymentError: nothing is deployed there, or no such version was.
    """

    def work(run: Callable[[Plan], None]) -> Deployed:
        found = deployed(conn, name)
        spans = [span for span in history(conn, found) if span.model == found.model]
        earlier = [span for span in spans if (span.version == to if to else span.version != found.version)]
        if not earlier:
            raise DeploymentError(
                f"No {f'version {to}' if to else 'version before'} of `{found.model}` has scored `{name}`"
                f"{'' if to else f': version {found.version} is the first'}.",
                looked=f"landfall.deployed_versions: {', '.join(dict.fromkeys(span.version for span in spans))}",
                left="nothing was changed",
                next=f"landfall redeploy {name} --model-version VERSION",
            )
        request = Request(table=name, model=found.model)
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
        drop_columns: Whether the columns that were filled go too.
        say: Gets each statement.
        only_show: Whether it is taken back at the end.

    Returns:
        What was deployed.

    Raises:
        DeploymentError: nothing is deployed there, or it feeds another table.
    """

    def work(run: Callable[[Plan], None]) -> Deployed:
        found = deployed(conn, name)
        run(plan_withdrawal(found, deployments(conn), drop_columns=drop_columns))
        return found

    return changing(conn, f"`{name}` could not be freed of its model.", work, say=say, only_show=only_show)
