"""Deploy a version of a model to a table, or put it in the place of another version: one transaction.

Whoever inserts a row meanwhile gets the version before or the one after, never none. A table keeps its rows and its triggers.
Rows that were there already are left as they are: `rescore` scores them.
"""

from psycopg import sql

from landfall.database import Database, fetch
from landfall.deployments.change import Change, Say, changing, silent
from landfall.deployments.deployment import NOTHING, Create, Deployment
from landfall.deployments.feed import Source, feed, find_source
from landfall.deployments.history import Deployed, deployed, find_deployed
from landfall.deployments.install import Place, clear_away, install
from landfall.deployments.names import quoted
from landfall.deployments.scoring import Scoring, compile_scoring
from landfall.deployments.table import Table, additions, check_inputs, creation, find_table, missing_table
from landfall.errors import DeploymentError

_NEW = sql.SQL("""
INSERT INTO landfall.deployments (table_oid, schema_name, table_name, model, filled, watched, unscorable, classes)
VALUES (%s, %s, %s, %s, '{}', '{}', 'null', '[]') RETURNING id""")
_EARLIER = sql.SQL("""
SELECT f.key, f.value FROM landfall.deployments d, json_each_text(d.filled) f WHERE d.table_oid = %s ORDER BY d.id""")


def deploy(
    conn: Database,
    asked: Deployment,
    *,
    create: Create | None = None,
    say: Say = silent,
    only_show: bool = False,
    patience: float = 60,
) -> Deployed:
    """Deploys a version, or puts it in the place of another version of the same model.

    Args:
        conn: A connection of its own, in autocommit mode, of the role that owns the table.
        asked: What is to score which table.
        create: Given, the table is made; it may be there already if it was made for the same model.
        say: Is told what happens, and each statement.
        only_show: Whether everything is done, told, and taken back.
        patience: Seconds to wait for locks.

    Raises:
        DeploymentError: it cannot be done as it was asked. Nothing was changed.
        SpecError: the model's own numbers are so large that every row overflows.
        PublishingError: writers held the table for longer than `patience`. Nothing was changed.
    """
    scoring = compile_scoring(asked)
    trees = "a tree" if scoring.trees == 1 else f"{scoring.trees:,} trees"
    splits = "a split" if scoring.splits == 1 else f"{scoring.splits:,} splits"
    shape = f", {trees} with {splits}" if scoring.trees else ""
    say(f"-- `{asked.model}` version {asked.version}{shape}: a row is scored by {scoring.for_a_row}")
    return changing(
        conn,
        f"`{asked.model}` version {asked.version} could not be deployed to `{asked.table}`.",
        lambda change: _deploy(change, asked, scoring, create),
        say=say,
        only_show=only_show,
        patience=patience,
    )


def _deploy(change: Change, asked: Deployment, scoring: Scoring, create: Create | None) -> Deployed:
    conn, found = change.conn, _present(change, asked)
    inputs = [column.name for column in asked.form.inputs]
    source = find_source(conn, asked.model, inputs, asked.after, found)
    table = find_table(conn, asked.table)
    if table is None:
        table = _created(change, asked, create, source)
    elif create and not found:
        raise _there_already(asked, table)
    check_inputs(table, asked)
    place = _place(change, asked, table, found)
    install(change, place, scoring, "redeployed" if found else "deployed", asked.classes)
    if source:
        feed(change, place.id, table, source, found)
    for role in asked.readers:
        change.run(f"GRANT SELECT, INSERT ON {asked.table.quoted} TO {quoted(role)}")
    return deployed(conn, asked.table)


def _there_already(asked: Deployment, table: Table) -> DeploymentError:
    return DeploymentError(
        f"There is a table `{asked.table}` already.",
        looked=f"its columns: {', '.join(table.columns)}",
        left=NOTHING,
        next=f"landfall deploy {asked.model} --table {asked.table.table}    (without --create-table)",
    )


def _present(change: Change, asked: Deployment) -> Deployed | None:
    """The deployment of the table; that of a table of this name that was dropped is cleared away."""
    found = find_deployed(change.conn, asked.table)
    if found and found.gone:
        clear_away(change, found)
        return None
    if found and found.model != asked.model:
        raise DeploymentError(
            f"`{asked.table}` is scored by another model, `{found.model}` version {found.version}.",
            looked="landfall.deployments",
            left=NOTHING,
            next=f"landfall undeploy {asked.table}    (or chain a table of its own: --after {asked.table})",
        )
    return found


def _created(change: Change, asked: Deployment, create: Create | None, source: Source | None) -> Table:
    if create is None:
        raise missing_table(change.conn, asked)
    fed = {name: source.table.columns[column].type for name, column in source.feeds.items()} if source else {}
    change.run(creation(change.conn, asked, create, fed))
    made = find_table(change.conn, asked.table)
    assert made
    return made


def _place(change: Change, asked: Deployment, table: Table, found: Deployed | None) -> Place:
    """A line for the deployment, if it has none, and the columns that the table lacks."""
    conn = change.conn
    earlier = {str(name): str(kind) for name, kind in fetch(conn, _EARLIER, [table.oid])}
    change.run(*additions(table, asked, earlier))
    filled = {**{name: kind for name, kind in earlier.items() if name in table.columns}, **asked.outputs}
    if found:
        return Place.of(found, filled)
    told = [table.oid, asked.table.schema, asked.table.table, asked.model]
    number = int(str(fetch(conn, _NEW, told)[0][0]))
    return Place(id=number, table=asked.table, oid=table.oid, filled=filled, was_watched={})
