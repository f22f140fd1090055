"""From its source a table is fed: when it is deployed, when another version asks for other columns, and what was there before."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, fetch
from landfall.deployments import chain
from landfall.deployments.blocks import LIMIT, RANGE, Batches, counted, escaped, leaves
from landfall.deployments.change import Change
from landfall.deployments.deployment import NOTHING, PREDICTION, After
from landfall.deployments.history import Deployed, deployed
from landfall.deployments.names import quoted
from landfall.deployments.table import Table, find_table
from landfall.errors import DeploymentError

_FED = sql.SQL("UPDATE landfall.deployments SET fed_by = %s, feeds = %s WHERE id = %s RETURNING id")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What feeds a table.

    Args:
        deployment: Its deployment.
        table: Itself.
        feeds: Input of the fed model -> column of the source.
    """

    deployment: Deployed
    table: Table
    feeds: dict[str, str]


def find_source(
    conn: Database, model: str, inputs: Sequence[str], after: After | None, found: Deployed | None
) -> Source | None:
    """What is to feed the table: as is asked for, else what feeds it already; None if nothing does.

    Args:
        conn: A connection.
        model: The model that is fed.
        inputs: The columns that it reads.
        after: What was asked for.
        found: The deployment that there is already.

    Raises:
        DeploymentError: there is no such deployment, it is fed itself by this one, or an input is fed by nothing.
    """
    if after is None and found and found.fed_by:
        kept = {name: column for name, column in found.feeds.items() if name in inputs}
        after = After(table=found.fed_by, feeds=kept)
    if after is None:
        return None
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
    return Source(deployment=feeding, table=table, feeds=chain.resolve_feeds(model, inputs, after, table))


def feed(change: Change, number: int, table: Table, source: Source, found: Deployed | None) -> None:
    """Make the source feed the table, in the place of what has fed it before.

    The source is locked, for a moment, only where its triggers change.

    Raises:
        DeploymentError: their primary keys differ.
    """
    chain.check_key(table, source.table)
    before = found.fed_by if found else None
    if before and before != source.table.name:
        change.run(*chain.starving(number, before))
    change.run(*chain.feeding_function(number, table.name, source.table.key, source.feeds))
    if before != source.table.name or not found or dict(found.feeds) != source.feeds:
        change.run(*chain.feeding_triggers(number, source.table.name, source.table.key, source.feeds))
    fetch(change.conn, _FED, [source.deployment.id, json.dumps(source.feeds), number])


def feed_present(conn: Database, found: Deployed) -> int:
    """Feeds a table with those rows of its source that have none in it; how many. Batch by batch.

    A source row is held against deletion while it is fed; what changes it waits for the batch, and then feeds it again.
    """
    source = find_table(conn, found.fed_by) if found.fed_by else None
    if source is None:
        return 0
    inserted: list[int] = []
    batches = Batches(conn, lambda: None, lambda answered: inserted.append(int(str(answered[0]))))
    for leaf in leaves(conn, source.oid):
        for _ in batches.over(_feeding(found, source, leaf.table), leaf.blocks(conn)):
            pass
    return sum(inserted)


def _feeding(found: Deployed, source: Table, leaf: str) -> str:
    """One batch; it gives how many rows were inserted."""
    passed = {**{name: name for name in source.key}, **found.feeds}
    read = [f"s.{quoted(column)}" for column in passed.values()]
    same = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in source.key)
    there, into = f"EXISTS (SELECT FROM {found.table.quoted} t WHERE {same})", ", ".join(map(quoted, passed))
    where = f"s.{quoted(PREDICTION)} IS NOT NULL AND NOT {there} AND "
    names, place = [f"c{number}" for number in range(len(passed))], "landfall_place"
    seen = ", ".join([f"s.ctid AS {place}", *(f"{column} AS {name}" for column, name in zip(read, names, strict=True))])
    select = escaped(f"SELECT {seen} FROM ONLY {leaf} s WHERE {where}")  # noqa: S608  (names are quoted)
    columns = ", ".join(names)
    put = f"INSERT INTO {found.table.quoted} ({into}) SELECT {columns} FROM seen ON CONFLICT DO NOTHING RETURNING 1"  # noqa: S608
    rest = escaped(f"done AS ({put}) {counted('seen', place)} FROM done")
    return f"WITH seen AS MATERIALIZED ({select}{RANGE} {LIMIT} FOR KEY SHARE OF s), {rest}"
