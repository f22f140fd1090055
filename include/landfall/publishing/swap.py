"""Publish: check a staging table, then make it the partition that readers see, in one transaction.

A publish takes two transactions, so that little happens under the lock that readers wait for:

1. *check*: count the rows, prove their day (a CHECK constraint) and their key (the PRIMARY KEY), gather statistics. Readers
   notice nothing. Whatever fails here leaves the prediction table as it was.
2. *swap*: lock the prediction table, detach the present child, attach the new one, write the history. ATTACH scans nothing,
   because the CHECK proves the bounds. It adopts the index, because it is the one that the parent asks for. The lock is asked for
   200 ms at a time, so that readers do not queue for long behind a publish that itself waits.

A reader sees the old rows or the new ones. That holds for REPEATABLE READ too: a snapshot older than the staged rows would find
the new table empty. So the swap waits until every such snapshot that could see the table is gone.

Publishes and rollbacks of one partition come one after the other. Each holds an advisory lock of the session from its first check
to its last cleaning up. So no pooler that shares sessions between transactions may be in between. The locks of a swap are always
taken in the order: history line, prediction table, old child, new child.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from psycopg import sql

from landfall.database import Database, Patience, explained, fetch_one, require_idle, run
from landfall.errors import OutdatedError
from landfall.publishing.check import check, state_of, untouched
from landfall.publishing.history import published
from landfall.publishing.retention import let_kept_be_read, prune
from landfall.publishing.schema import bounds, qualified
from landfall.publishing.snapshots import wait_for_older_snapshots
from landfall.publishing.staging import Publication, drop_child, find_publication
from landfall.spec import Partition, PredictionTable


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a swap did.

    Args:
        id: The publication that was swapped in.
        table: Name of the prediction table.
        partition: The partition.
        state: `published`, or what became of the publication since. A publication is swapped in only once, however often
            somebody publishes it.
        rows: Its rows.
        model_version: Version of the model that scored it.
        published_at: When its rows were first swapped in, which is also their `published_at`.
        replaced: The publication that was there before; None if there was none, or if nothing was swapped.
        lock_ms: Milliseconds from the grant of the lock to the return of COMMIT, as seen by this client. Readers were shut out
            for so long, except by a first publication. 0 if nothing was swapped.
        attempts: How often the lock was asked for. 0 if nothing was swapped.
    """

    id: int
    table: str
    partition: Partition
    state: str
    rows: int
    model_version: str
    published_at: datetime
    replaced: int | None
    lock_ms: float
    attempts: int


def publish(
    conn: Database, publication: Publication, *, expected_rows: int, allow_empty: bool = False, patience: float = 60
) -> Published:
    """Checks what was staged and swaps it in. Publishing again what was already published changes nothing.

    Of two publications of one partition, readers see the one that was swapped in last; both are in the history. After the swap,
    rows of earlier publications beyond `table.keep` are dropped.

    Args:
        conn: A connection of its own, in autocommit mode.
        publication: What `open_publication` gave.
        expected_rows: The number of rows that the job says it staged.
        allow_empty: Whether a publication without rows is intended.
        patience: Seconds to wait for readers before giving up.

    Raises:
        OutdatedError: what readers see was made from a newer look at the inputs. It stays; this publication is abandoned.
        PublishingError: a check failed or readers held on for longer than `patience`. Readers see what they saw before.
    """
    require_idle(conn)
    table, partition = publication.table, publication.partition
    failed = f"`{table.name}` {partition} was not published."
    waiting = Patience(failed, untouched(publication), patience)
    with explained(conn, failed, left=untouched(publication)), waiting.alone(conn, *swap_lock(table, partition)):
        check(conn, publication, expected_rows=expected_rows, allow_empty=allow_empty)
        if already_swapped := as_it_is(conn, publication):
            return already_swapped
        _refuse_outdated(conn, publication)
        if published(conn, table, partition):  # a first publication changes nothing that an older snapshot can see
            wait_for_older_snapshots(conn, waiting, table.name)
        (replaced, granted), attempts = waiting.for_locks(conn, lambda: _swap(conn, publication, expected_rows))
        lock_ms = (time.perf_counter() - granted) * 1000
        done = as_it_is(conn, publication)
        prune(conn, table, partition)
        let_kept_be_read(conn, table)
    if done is None:
        raise RuntimeError(f"{publication} was swapped in, but the history does not say so")
    return replace(done, replaced=replaced, lock_ms=lock_ms, attempts=attempts)


def swap_lock(table: PredictionTable, partition: Partition) -> tuple[str, str]:
    """The lock that everybody takes who publishes, rolls back or prunes a partition, and who they are; for `Patience.alone`."""
    return f"{table.name}/{partition}", "another publish or rollback of the same partition"


_NEWER = sql.SQL("""
SELECT p.id FROM landfall.publications p JOIN landfall.publications mine ON mine.id = %s
WHERE p.table_name = mine.table_name AND p.partition = mine.partition AND p.state = 'published'
  AND p.reading_id > mine.reading_id""")


def _refuse_outdated(conn: Database, publication: Publication) -> None:
    """Keeps a slow run from putting what it read earlier in the place of what a quick run read later."""
    if newer := fetch_one(conn, _NEWER, [publication.id]):
        mine = sql.Literal(publication.id)
        run(conn, sql.SQL("UPDATE landfall.publications SET state = 'abandoned' WHERE id = {}").format(mine))
        drop_child(conn, publication.id, publication.staging)
        raise OutdatedError(
            f"`{publication}` is out of date: it was made from an older look at what landed.",
            looked=f"publication {newer[0]}, which readers see, was made from a newer one",
            left="readers see the newer one; this one is abandoned",
        )


def as_it_is(conn: Database, publication: Publication) -> Published | None:
    """What the history says of a publication that was swapped in; None before that."""
    row = fetch_one(
        conn,
        sql.SQL(
            "SELECT state, rows, published_at FROM landfall.publications WHERE id = %s AND published_at IS NOT NULL"
        ),
        [publication.id],
    )
    if not row or not isinstance(row[2], datetime):
        return None
    return Published(
        id=publication.id,
        table=publication.table.name,
        partition=publication.partition,
        state=str(row[0]),
        rows=int(str(row[1])),
        model_version=publication.model_version,
        published_at=row[2].astimezone(UTC),
        replaced=None,
        lock_ms=0.0,
        attempts=0,
    )


_OF_RUN = sql.SQL("""
SELECT id FROM landfall.publications
WHERE table_name = %s AND partition = %s AND state = 'published' AND run_id = %s AND reading_id = %s""")


def published_by(
    conn: Database, table: PredictionTable, partition: Partition, run_id: str, reading: int
) -> Published | None:
    """What readers see of a partition, if this run has made it from this reading; None otherwise.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"The publications of `{table.name}` could not be read."):
        row = fetch_one(conn, _OF_RUN, [table.name, str(partition), run_id, reading])
    return as_it_is(conn, find_publication(conn, table, int(str(row[0])))) if row else None


def _swap(conn: Database, publication: Publication, rows: int) -> tuple[int | None, float]:
    """One attempt to swap. Gives the publication that was replaced, and when the lock was granted."""
    state_of(conn, publication)
    dated = sql.SQL("ALTER TABLE {} ADD COLUMN published_at timestamptz NOT NULL DEFAULT statement_timestamp()").format(
        qualified(publication.staging)
    )
    written = sql.SQL(
        "UPDATE landfall.publications SET state = 'published', rows = {}, published_at = statement_timestamp()"
        " WHERE id = {}"
    ).format(sql.Literal(rows), sql.Literal(publication.id))
    return exchange(conn, publication.table, publication.partition, publication.staging, "superseded", (dated, written))


def exchange(
    conn: Database,
    table: PredictionTable,
    partition: Partition,
    child: str,
    becomes: str,
    under_lock: Sequence[sql.Composed],
) -> tuple[int | None, float]:
    """Detaches the present child, whose publication `becomes` superseded or rolled_back, and attaches `child`.

    `under_lock` runs under the lock after the detach, in one round trip with the swap. `Patience.for_locks` calls this.

    Returns:
        The publication that was there before, None if there was none; the clock when the lock was granted.
    """
    present = fetch_one(
        conn,
        sql.SQL(
            "SELECT id, child_table FROM landfall.publications"
            " WHERE table_name = %s AND partition = %s AND state = 'published'"
        ),
        [table.name, str(partition)],
    )
    parent = qualified(table.name)
    attach = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
        parent, qualified(child), *bounds(table, partition)
    )
    if present is None:
        run(conn, sql.SQL("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE").format(parent))
        granted = time.perf_counter()
        run(conn, *under_lock, attach)
        return None, granted
    detach = sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, qualified(str(present[1])))
    left = sql.SQL("UPDATE landfall.publications SET state = {} WHERE id = {}").format(
        sql.Literal(becomes), sql.Literal(present[0])
    )
    run(conn, sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(parent))
    granted = time.perf_counter()
    run(conn, detach, left, *under_lock, attach)
    return int(str(present[0])), granted
