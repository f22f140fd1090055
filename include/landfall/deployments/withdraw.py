"""Go back to the version that scored before, or take a model away from a table."""

from landfall.database import Database
from landfall.deployments.change import Change, Say, changing, silent
from landfall.deployments.feed import feed, find_source
from landfall.deployments.history import Deployed, deployed, deployments, history, scoring_of
from landfall.deployments.install import Place, clear_away, install
from landfall.deployments.names import TableName, quoted
from landfall.deployments.table import find_table
from landfall.errors import DeploymentError


def roll_back(
    conn: Database, name: TableName, *, to: str | None = None, say: Say = silent, only_show: bool = False
) -> Deployed:
    """Puts an earlier version in the place of the one that scores, from the history: no registry is asked.

    Args:
        conn: A connection of its own, in autocommit mode.
        name: The table.
        to: Which version; None: the last one before that is another.
        say: Is told each statement.
        only_show: Whether it is taken back at the end.

    Raises:
        DeploymentError: nothing is deployed there, or no such version was.
    """

    def work(change: Change) -> Deployed:
        found = deployed(conn, name)
        spans = [each for each in history(conn, found) if each.model == found.model]
        earlier = [each for each in spans if (each.version == to if to else each.version != found.version)]
        if not earlier:
            raise DeploymentError(
                f"No {f'version {to}' if to else 'version before'} of `{found.model}` has scored `{name}`"
                f"{'' if to else f': version {found.version} is the first'}.",
                looked=f"landfall.deployed_versions: {', '.join(dict.fromkeys(each.version for each in spans))}",
                left="nothing was changed",
                next=f"landfall redeploy {name} --model-version VERSION",
            )
        scoring = scoring_of(conn, earlier[0].id)
        source = find_source(conn, found.model, list(scoring.inputs), None, found)
        install(change, Place.of(found, found.filled), scoring, "rolled back", found.classes)
        if source and (table := find_table(conn, name)):
            feed(change, found.id, table, source, found)
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
        say: Is told each statement.
        only_show: Whether it is taken back at the end.

    Returns:
        What was deployed.

    Raises:
        DeploymentError: nothing is deployed there, or it feeds another table.
    """

    def work(change: Change) -> Deployed:
        found = deployed(conn, name)
        fed = [each for each in deployments(conn) if each.fed_by == name]
        if there := [str(each.table) for each in fed if not each.gone]:
            raise DeploymentError(
                f"`{name}` feeds {', '.join(f'`{each}`' for each in there)}.",
                looked="landfall.deployments",
                left="nothing was changed",
                next=f"landfall undeploy {there[0]}    (first)",
            )
        for each in [*fed, found]:
            clear_away(change, each)
        if drop_columns and not found.gone:
            drops = ", ".join(f"DROP COLUMN IF EXISTS {quoted(column)}" for column in found.filled)
            change.run(f"ALTER TABLE {name.quoted} {drops}")
        return found

    return changing(conn, f"`{name}` could not be freed of its model.", work, say=say, only_show=only_show)
