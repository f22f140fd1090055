"""The checks between staging and swap: count, day, key. They leave constraints behind, so that the swap scans nothing."""

import psycopg
from psycopg import sql

from landfall.database import Database, fetch, fetch_one, run, set_lock_timeout
from landfall.errors import PublishingError
from landfall.publishing.schema import bounds, key_definition, partition_type, qualified
from landfall.publishing.staging import Publication
from landfall.spec import Partition, PredictionTable

WRITERS_PATIENCE = 30.0
"""How many seconds to wait for a Spark task that still writes the staging table: a lost twin of a task that succeeded."""


def check(conn: Database, publication: Publication, *, expected_rows: int, allow_empty: bool) -> None:
    """Proves that a staging table is fit to be attached, or leaves the table as it is.

    Afterwards the table has a CHECK of its day, its PRIMARY KEY and statistics. If the publication is past that stage, nothing is
    checked.

    Raises:
        PublishingError: the publication was abandoned, or its rows are not what was promised.
    """
    with conn.transaction():
        set_lock_timeout(conn, WRITERS_PATIENCE)
        if state_of(conn, publication) != "staging":
            return
        run(conn, sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(qualified(publication.staging)))
        _check_rows(conn, publication, expected_rows, allow_empty)
        try:
            _seal(conn, publication)
        except psycopg.errors.UniqueViolation as error:
            raise refused(publication, "a key is there twice", error.diag.message_detail or "") from None


def state_of(conn: Database, publication: Publication) -> str:
    """The state of a publication, locked until the transaction ends. A second publish of the same publication waits here.

    Raises:
        PublishingError: the publication was abandoned, or there is no such publication.
    """
    query = sql.SQL("SELECT state FROM landfall.publications WHERE id = %s FOR UPDATE")
    row = fetch_one(conn, query, [publication.id])
    state = str(row[0]) if row else "unknown"
    if state not in ("abandoned", "unknown"):
        return state
    raise PublishingError(
        f"The publication `{publication}` can no longer be published.",
        looked=f"its state is {state}: another try of the same run took over",
        left="readers see what they saw before",
        next="run the partition again: a new publication is opened",
    )


def _check_rows(conn: Database, publication: Publication, expected: int, allow_empty: bool) -> None:
    """Checks the rows of a staging table.

    The number of rows there, the number that the job says and the number that its tasks noted must be the same. No row may lie
    outside of the day. There must be rows, unless `allow_empty` permits none.
    """
    query = sql.SQL("""
        SELECT count(*), count(*) FILTER (WHERE NOT {inside} OR partition <> {name}::{type}),
               min({time}) AT TIME ZONE 'UTC', max({time}) AT TIME ZONE 'UTC',
               (SELECT coalesce(sum(rows), 0)::bigint FROM landfall.staged_parts WHERE publication_id = {id})
        FROM {staging}""").format(
        inside=inside(publication.table, publication.partition),
        time=sql.Identifier(publication.table.time),
        name=sql.Literal(str(publication.partition)),
        type=partition_type(publication.table),
        id=sql.Literal(publication.id),
        staging=qualified(publication.staging),
    )
    there, outside, first, last, noted = fetch(conn, query)[0]
    if not there == expected == noted:
        raise refused(
            publication,
            "the row counts differ",
            f"{expected} rows expected, {there} in `{publication.staging}`, {noted} noted by Spark tasks",
        )
    if outside:
        raise refused(
            publication,
            f"{outside} rows lie outside of its {publication.table.calendar.grain}",
            f"times from {first} to {last} UTC",
        )
    if not there and not allow_empty:
        raise refused(publication, "it has no rows", "expected at least one row; `allow_empty` permits none")


def untouched(publication: Publication) -> str:
    """What every failed publish leaves behind."""
    return f"readers see what they saw before; the rows are in `{publication.staging}` until the partition's next run"


def refused(publication: Publication, why: str, looked: str) -> PublishingError:
    """The error of a check that failed."""
    return PublishingError(
        f"`{publication.table.name}` {publication.partition} was not published: {why}.",
        looked=looked,
        left=untouched(publication),
        next="see what the scoring job wrote, then run the partition again",
    )


def _seal(conn: Database, publication: Publication) -> None:
    """Adds constraints and statistics. It does so only once, also if an earlier publish was interrupted after this.

    The CHECK names `partition` too, so that the planner skips other days for readers who select by that column.
    """
    sealed = sql.SQL("SELECT true FROM pg_constraint WHERE conrelid = %s::regclass AND conname = 'within_partition'")
    if fetch_one(conn, sealed, [publication.staging]):
        return
    staging = qualified(publication.staging)
    seal = sql.SQL(
        "ALTER TABLE {staging} ADD CONSTRAINT within_partition CHECK ({inside} AND partition = {name}::{type}), ADD {key}"
    ).format(
        staging=staging,
        name=sql.Literal(str(publication.partition)),
        type=partition_type(publication.table),
        inside=inside(publication.table, publication.partition),
        key=key_definition(publication.table),
    )
    run(conn, sql.SQL("SET LOCAL maintenance_work_mem = '256MB'"), seal, sql.SQL("ANALYZE {}").format(staging))


def inside(table: PredictionTable, partition: Partition) -> sql.Composed:
    """The SQL condition that a time lies within the partition. ATTACH wants to see it proven."""
    first, after = bounds(table, partition)
    return sql.SQL("({time} >= {first}::timestamptz AND {time} < {after}::timestamptz)").format(
        time=sql.Identifier(table.time), first=first, after=after
    )
