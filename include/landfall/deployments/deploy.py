"""Deploy a version of a model to a table, or put it in the place of another version: one transaction.

Whoever inserts a row meanwhile gets the version before or the one after, never none. A table keeps its rows and its triggers.
Rows that were there already are left as they are: `rescore` scores them.
"""

import json

from psycopg import sql

from landfall.deployments import chain
from landfall.deployments.change import Change, Say, changing, silent
from landfall.deployments.deployment import NOTHING, After, Create, Deployment
from landfall.deployments.history import Deployed, deployed, find_deployed
from landfall.deployments.install import Place, install
from landfall.deployments.names import quoted
from landfall.deployments.scoring import Scoring, compile_scoring
from landfall.deployments.table import Table, additions, check_inputs, creation, find_table, missing_table
from landfall.errors import DeploymentError
from landfall.publishing.database import Database, fetch

_NEW = sql.SQL("""
INSERT INTO landfall.deployments (table_oid, schema_name, table_name, model, filled, watched, unscorable, classes)
VALUES (%s, %s, %s, %s, '{}', '{}', 'null', '[]') RETURNING id""")
_EARLIER = sql.SQL("""
SELECT f.key, f.value FROM landfall.deployments d, json_each_text(d.filled) f WHERE d.table_oid = %s ORDER BY d.id""")
_FED = sql.SQL("UPDATE landfall.deployments SET fed_by = %s, feeds = %s WHERE id = %s RETURNING id")


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
    shape = f" of {scoring.trees} trees with {scoring.splits:,} splits" if scoring.trees else ""
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
    conn, found = change.conn, find_deployed(change.conn, asked.table)
    _refuse_another_model(asked, found)
    source = _source(conn, asked.after, found) if asked.after else None
    feeds = chain.resolve_feeds(asked, asked.after, source[1]) if asked.after and source else {}
    table = find_table(conn, asked.table)
    if table is None:
        columns = source[1].columns if source else {}
        table = _created(change, asked, create, {name: columns[column].type for name, column in feeds.items()})
    elif create and not found:
        raise _there_already(asked, table)
    check_inputs(table, asked)
    install(change, _place(change, asked, table, found), scoring, "redeployed" if found else "deployed", asked.classes)
    if source:
        _feed(change, asked, table, source, feeds)
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


def _refuse_another_model(asked: Deployment, found: Deployed | None) -> None:
    if found and found.model != asked.model:
        raise DeploymentError(
            f"`{asked.table}` is scored by another model, `{found.model}` version {found.version}.",
            looked="landfall.deployments",
            left=NOTHING,
            next=f"landfall undeploy {asked.table}    (or chain a table of its own: --after {asked.table})",
        )


def _source(conn: Database, after: After, found: Deployed | None) -> tuple[Deployed, Table]:
    """What is to feed the table: its deployment, and itself. Nothing that the table feeds, if it is deployed to already."""
    feeding, table = deployed(conn, after.table), find_table(conn, after.table)
    if table is None:
        raise DeploymentError(
            f"`{after.table}` was dropped.",
            looked="landfall.deployments, which still has it",
            left=NOTHING,
            next=f"landfall undeploy {after.table}",
        )
    if found:
        chain.refuse_circle(conn, feeding, found)
    return feeding, table


def _created(change: Change, asked: Deployment, create: Create | None, fed: dict[str, str]) -> Table:
    if create is None:
        raise missing_table(change.conn, asked)
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


def _feed(
    change: Change, asked: Deployment, table: Table, source: tuple[Deployed, Table], feeds: dict[str, str]
) -> None:
    """Make the source feed the table, in the place of what has fed it before."""
    above, rows = source
    chain.check_key(table, rows)
    mine = deployed(change.conn, asked.table)
    if mine.fed_by and mine.fed_by != rows.name:
        change.run(*chain.starving(mine.id, mine.fed_by))
    change.run(*chain.feeding(mine.id, table.name, rows.name, rows.key, feeds))
    fetch(change.conn, _FED, [above.id, json.dumps(feeds), mine.id])
