"""Rollback: an earlier publication of a partition becomes what readers see again, row for row."""

from dataclasses import replace

from psycopg import sql

from landfall.database import Database, explained, fetch, require_idle
from landfall.errors import PublishingError
from landfall.publishing.history import history_command, published
from landfall.publishing.patience import Patience, wait_for_older_snapshots
from landfall.publishing.staging import Publication, find_publication
from landfall.publishing.swap import Published, as_it_is, exchange
from landfall.spec import Partition, PredictionTable

KEPT = sql.SQL("""
SELECT id, state FROM landfall.publications
WHERE table_name = %s AND partition = %s AND state IN ('superseded', 'rolled_back')
  AND to_regclass(child_table) IS NOT NULL
ORDER BY greatest(published_at, restored_at) DESC, id DESC""")


def rollback(
    conn: Database, table: PredictionTable, partition: Partition, *, to: int | None = None, patience: float = 60
) -> Published:
    """Swaps an earlier kept publication in again, in one transaction; the present one becomes `rolled_back`.

    The rows come back as they were, `published_at` included; the history notes `restored_at`. A rolled-back publication
    is kept too, so that naming it undoes the rollback.

    Args:
        conn: A connection of its own, in autocommit mode.
        table: The prediction table.
        partition: The day.
        to: Which publication; by default the one seen last before the present one, rolled-back ones left out.
        patience: Seconds to wait for readers before giving up.

    Raises:
        PublishingError: there is nothing to go back to, or readers held on. Readers see what they saw before.
    """
    require_idle(conn)
    failed, left = f"`{table.name}` {partition} was not rolled back.", "readers see what they saw before"
    waiting = Patience(failed, left, patience)
    with explained(conn, failed, left=left), waiting.alone(conn, table.name, partition):
        chosen = _choose(conn, table, partition, to)
        wait_for_older_snapshots(conn, waiting, table.name)
        replaced, lock_ms, attempts = waiting.for_locks(conn, lambda: _restore(conn, chosen))
        done = as_it_is(conn, chosen)
    if done is None:
        raise RuntimeError(f"{chosen} was swapped in, but the history does not say so")
    return replace(done, replaced=replaced, lock_ms=lock_ms, attempts=attempts)


def _choose(conn: Database, table: PredictionTable, partition: Partition, to: int | None) -> Publication:
    """The kept publication to go back to."""
    present = published(conn, table, partition)
    kept = [(int(str(number)), str(state)) for number, state in fetch(conn, KEPT, [table.name, partition.day])]
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
    """One attempt: what was rolled back, and when the lock was granted."""
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
