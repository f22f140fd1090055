"""Rollback: an earlier publication of a partition becomes what readers see again, row for row."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from psycopg import sql

from landfall.database import Database, Patience, explained, fetch, require_idle
from landfall.errors import PublishingError
from landfall.publishing.history import history_command, published
from landfall.publishing.snapshots import wait_for_older_snapshots
from landfall.publishing.staging import Publication, find_publication
from landfall.publishing.swap import Published, as_it_is, exchange, swap_lock
from landfall.spec import Partition, PredictionTable

KEPT = sql.SQL("""
SELECT id, state FROM landfall.publications
WHERE table_name = %s AND partition = %s AND state IN ('superseded', 'rolled_back')
  AND to_regclass(child_table) IS NOT NULL
ORDER BY greatest(published_at, restored_at) DESC, id DESC""")

_BY_OTHERS = sql.SQL("""
SELECT DISTINCT ON (now.partition) now.partition, before.id
FROM landfall.publications now
LEFT JOIN landfall.publications before
    ON before.table_name = now.table_name AND before.partition = now.partition AND before.model_version = %(version)s
   AND before.state IN ('superseded', 'rolled_back') AND to_regclass(before.child_table) IS NOT NULL
WHERE now.table_name = %(table)s AND now.state = 'published' AND now.model_version = ANY (%(withdrawn)s)
  AND (%(since)s::timestamptz IS NULL OR greatest(now.published_at, now.restored_at) >= %(since)s)
ORDER BY now.partition, greatest(before.published_at, before.restored_at) DESC NULLS LAST, before.id DESC""")


def kept_by(
    conn: Database, table: PredictionTable, version: str, withdrawn: Sequence[str], since: datetime | None
) -> list[tuple[Partition, int | None]]:
    """The partitions that show rows of a withdrawn version, each with the newest kept publication by `version`; None without one.

    Args:
        conn: The predictions database.
        table: The prediction table.
        version: The model version to go back to.
        withdrawn: The model versions whose rows are to go.
        since: Only partitions whose rows were swapped in then or later; None: all.

    Raises:
        PublishingError: the database cannot be asked.
    """
    names = {"version": version, "table": table.name, "withdrawn": list(withdrawn), "since": since}
    with explained(conn, f"The publications of `{table.name}` could not be read."):
        rows = fetch(conn, _BY_OTHERS, names)
    return [(Partition.parse(str(day)), None if number is None else int(str(number))) for day, number in rows]


def rollback(
    conn: Database, table: PredictionTable, partition: Partition, *, to: int | None = None, patience: float = 60
) -> Published:
    """Swaps an earlier kept publication in again, in one transaction; the present one becomes `rolled_back`.

    The rows come back as they were, `published_at` included; the history notes `restored_at`. A rolled-back publication
    is kept too, so that naming it undoes the rollback.

    Args:
        conn: A connection of its own, in autocommit mode.
        table: The prediction table.
        partition: The partition.
        to: The publication to go back to. By default it is the one that readers saw last before the present one; rolled-back
            ones are left out.
        patience: Seconds to wait for readers before giving up.

    Raises:
        PublishingError: there is nothing to go back to, or readers held on. Readers see what they saw before.
    """
    require_idle(conn)
    failed, left = f"`{table.name}` {partition} was not rolled back.", "readers see what they saw before"
    waiting = Patience(failed, left, patience)
    with explained(conn, failed, left=left), waiting.alone(conn, *swap_lock(table, partition)):
        chosen = _choose(conn, table, partition, to)
        wait_for_older_snapshots(conn, waiting, table.name)
        (replaced, granted), attempts = waiting.for_locks(conn, lambda: _restore(conn, chosen))
        lock_ms = (time.perf_counter() - granted) * 1000
        done = as_it_is(conn, chosen)
    if done is None:
        raise RuntimeError(f"{chosen} was swapped in, but the history does not say so")
    return replace(done, replaced=replaced, lock_ms=lock_ms, attempts=attempts)


def _choose(conn: Database, table: PredictionTable, partition: Partition, to: int | None) -> Publication:
    """The kept publication to go back to."""
    present = published(conn, table, partition)
    kept = [(int(str(number)), str(state)) for number, state in fetch(conn, KEPT, [table.name, str(partition)])]
    wanted = [number for number, state in kept if (number == to if to is not None else state == "superseded")]
    if present is not None and wanted:
        return find_publication(conn, table, wanted[0])
    why = {
        present is None: "nothing is published there",
        present is not None and present.id == to: f"publication {to} is what readers see",
    }.get(True, "no earlier publication is kept" if to is None else f"publication {to} is not kept")
    raise PublishingError(
        f"`{table.name}` {partition} was not rolled back: {why}.",
        looked=f"kept: {', '.join(f'{number} ({state})' for number, state in kept) or 'none'}",
        left="readers see what they saw before",
        next=history_command(table),
    )


def _restore(conn: Database, publication: Publication) -> tuple[int | None, float]:
    """One attempt to swap. Gives the publication that was rolled back, and when the lock was granted."""
    restored = sql.SQL(
        "UPDATE landfall.publications SET state = 'published', restored_at = statement_timestamp() WHERE id = {}"
    ).format(sql.Literal(publication.id))
    return exchange(
        conn,
        publication.table,
        publication.partition,
        publication.staging,
        "rolled_back",
        (restored,),
    )
