"""Staging: the fresh table that a run fills before anybody can read it.

Spark's executors write it. Each Spark task uses one transaction: first its line in `landfall.staged_parts`, then its rows by
COPY. If Spark runs a task twice, the second stops at the primary key of that line, so the rows are there once.

The staging table has the declared columns, `model_version` and `partition`. Those two have the publication's values as DEFAULT,
so a job may leave them out; a job whose rows come from several models writes `model_version` itself. `published_at` is not there
yet: the swap adds it with the swap's own time, as a constant of the catalogue. That takes about a millisecond, however many rows
there are.

The table is an ordinary logged one. UNLOGGED with SET LOGGED afterwards wrote the rows twice and made a million rows 0.8 s
slower.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one, require_idle, run, set_lock_timeout
from landfall.errors import PublishingError
from landfall.publishing.fingerprint import Fingerprint
from landfall.publishing.schema import DATA_SCHEMA, column_definitions, ensure_table, partition_type, qualified
from landfall.spec import Partition, PredictionTable

FORGOTTEN_AFTER = "2 days"
"""A staging table this old belongs to nobody, whichever run made it: the deadline of a run is hours."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One attempt to publish one partition. A run holds it between opening and publishing.

    Args:
        id: Identity of the publication, and of its parts in `landfall.staged_parts`.
        staging: `schema.table` that the executors fill.
        table: The prediction table that the rows are for.
        partition: The partition that the rows are for.
        model_version: Version of the model that scored it. Its rows have this version unless the job wrote another one.
    """

    id: int
    staging: str
    table: PredictionTable = field(repr=False)
    partition: Partition
    model_version: str

    def __str__(self) -> str:
        return f"{self.table.name} {self.partition} #{self.id}"


def open_publication(
    conn: Database,
    table: PredictionTable,
    partition: Partition,
    *,
    run_id: str,
    model_version: str,
    fingerprint: Fingerprint,
    reading: int | None = None,
) -> Publication:
    """Opens a new publication with its empty staging table. Makes the prediction table if it is not there.

    Staging tables that an earlier try of `run_id` left for this partition are abandoned and dropped, and so are forgotten ones
    of this prediction table. Those of other runs stay: two runs may prepare the same partition at once. `reading` numbers the
    look at the inputs: of two publications the one with the higher number is newer, whichever is ready first.

    Raises:
        PublishingError: the database refuses, or the table there is not the declared one. Nothing new is left behind.
    """
    require_idle(conn)
    ensure_table(conn, table)
    with explained(conn, f"A publication of `{table.name}` {partition} could not be opened."):
        _abandon(conn, table, partition, run_id)
        with conn.transaction():
            rows = fetch(
                conn,
                sql.SQL("""
                INSERT INTO landfall.publications
                    (table_name, partition, state, run_id, model_version, fingerprint, fingerprint_hash, reading_id)
                VALUES (%s, %s, 'staging', %s, %s, %s::jsonb, %s, %s) RETURNING id"""),
                [table.name, str(partition), run_id, model_version, fingerprint.to_json(), fingerprint.digest, reading],
            )
            number = int(str(rows[0][0]))
            staging = f"{DATA_SCHEMA}.{staging_name(table, partition, number)}"
            run(conn, _staging_table(staging, table, partition, model_version))
            fetch(
                conn,
                sql.SQL("UPDATE landfall.publications SET child_table = %s WHERE id = %s RETURNING id"),
                [staging, number],
            )
    return Publication(id=number, staging=staging, table=table, partition=partition, model_version=model_version)


def _staging_table(staging: str, table: PredictionTable, partition: Partition, model_version: str) -> sql.Composed:
    return sql.SQL(
        "CREATE TABLE {} ({}, model_version text NOT NULL DEFAULT {}, partition {} NOT NULL DEFAULT {})"
    ).format(
        qualified(staging),
        column_definitions(table),
        sql.Literal(model_version),
        partition_type(table),
        sql.Literal(str(partition)),
    )


def staging_name(table: PredictionTable, partition: Partition, number: int) -> str:
    """The name of a publication's own table: the table, the partition and the publication, within PostgreSQL's 63 bytes."""
    readable = re.sub(r"[^a-z0-9_]", "_", table.name.split(".")[-1])[:30]
    return f"{readable}_{str(partition).replace('-', '').lower()}_{number}"


def find_publication(conn: Database, table: PredictionTable, number: int) -> Publication:
    """The publication `number` of `table`. A later task of the run gets it back in this way.

    Raises:
        PublishingError: `table` has no such publication, or its own table is no longer kept.
    """
    with explained(conn, f"The publication `{number}` of `{table.name}` could not be read."):
        row = fetch_one(
            conn,
            sql.SQL(
                "SELECT child_table, partition, model_version FROM landfall.publications"
                " WHERE id = %s AND table_name = %s"
            ),
            [number, table.name],
        )
    if row is None or row[0] is None:
        raise PublishingError(
            f"There is no publication `{number}` of `{table.name}`.",
            looked="landfall.publications" if row is None else "it was abandoned, or is no longer kept",
            next="run the pipeline again: a new publication is opened",
        )
    staging, day, version = map(str, row)
    return Publication(id=number, staging=staging, table=table, partition=Partition.parse(day), model_version=version)


ABANDON = sql.SQL(f"""
UPDATE landfall.publications SET state = 'abandoned'
WHERE table_name = %s AND state = 'staging'
  AND (partition = %s AND run_id = %s OR created_at < clock_timestamp() - interval '{FORGOTTEN_AFTER}')""")  # noqa: S608
TO_DROP = sql.SQL("""
SELECT id, child_table FROM landfall.publications
WHERE table_name = %s AND state = 'abandoned' AND child_table IS NOT NULL ORDER BY id""")


def _abandon(conn: Database, table: PredictionTable, partition: Partition, run_id: str) -> None:
    """Marks left-over staging tables, then drops them. If a lost Spark task still writes one, a later call drops it."""
    with conn.cursor() as cursor:
        cursor.execute(ABANDON, [table.name, str(partition), run_id])
    for number, child in fetch(conn, TO_DROP, [table.name]):
        drop_child(conn, int(str(number)), str(child))


def drop_child(conn: Database, number: int, child: str) -> None:
    """Drops a publication's own table; its line in the history stays. A table that is attached or in use is left alone."""
    with suppress(psycopg.errors.LockNotAvailable), conn.transaction():
        set_lock_timeout(conn, 0.5)
        attached = fetch_one(
            conn, sql.SQL("SELECT true FROM pg_class WHERE oid = to_regclass(%s) AND relispartition"), [child]
        )
        if attached:
            return
        run(
            conn,
            sql.SQL("SET LOCAL client_min_messages = warning"),
            sql.SQL("DROP TABLE IF EXISTS {}").format(qualified(child)),
        )
        fetch(
            conn,
            sql.SQL("UPDATE landfall.publications SET child_table = NULL WHERE id = %s RETURNING id"),
            [number],
        )
