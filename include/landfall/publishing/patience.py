"""Waiting for readers without making them wait: short lock attempts with pauses, and old snapshots to end."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from landfall.database import Database, fetch, set_lock_timeout
from landfall.errors import PublishingError
from landfall.spec import Partition

ATTEMPT_SECONDS = 0.2
"""How long one attempt queues for the lock: the longest that new readers wait behind an attempt that fails."""
SENT_AWAY_SECONDS = 1.3
"""How long where a vacuum holds the table: PostgreSQL ends an autovacuum that somebody has waited for, but looks whether to only
after `deadlock_timeout`, 1 s. On a table of 10 million rows it would go on for minutes."""
IDLE_SECONDS = 30.0
"""After this the server ends a swap whose process does nothing more: it was stopped, or its machine is gone. Until then readers
are shut out; between two statements of a swap lie milliseconds."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0


class Patience:
    """One deadline for everything that a swap waits for.

    Args:
        what: What fails when it is over, as the error says it.
        left: What is left behind then.
        seconds: How long in all.
    """

    def __init__(self, what: str, left: str, seconds: float) -> None:
        self.what, self.left, self.seconds = what, left, seconds
        self._end = time.monotonic() + seconds
        self._pause = FIRST_PAUSE

    def rest(self, sessions: str) -> None:
        """A pause, growing and with jitter so that two publishers do not meet again.

        Raises:
            PublishingError: the deadline has passed; `sessions` is whom it waited for.
        """
        if time.monotonic() >= self._end:
            raise PublishingError(
                self.what,
                looked=f"waited {self.seconds:g} s for {sessions}",
                left=self.left,
                next="let those sessions end (or pg_terminate_backend), then run the task again",
            )
        time.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, no secret)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    @contextmanager
    def alone(self, conn: Database, table: str, partition: Partition) -> Iterator[None]:
        """Until the end of the `with`, nobody else publishes, rolls back or prunes this partition.

        It asks again and again rather than queue: a queued statement holds a snapshot, for which the holder may wait.
        """
        key = [f"{table}/{partition}"]
        while fetch(conn, TRY_ALONE, key) != [(True,)]:
            self.rest(f"another publish or rollback of the same partition{_held_by(conn, key)}")
        try:
            yield
        finally:
            if not conn.closed:
                fetch(conn, sql.SQL("SELECT pg_advisory_unlock(hashtextextended(%s, 20121225))"), key)

    def for_locks(
        self,
        conn: Database,
        swap: Callable[[], tuple[int | None, float]],
        sessions: str = "readers or another publish",
    ) -> tuple[int | None, float, int]:
        """Runs `swap` in a transaction, again and again while a lock is not granted in time.

        `swap` returns what it replaced and the clock (`time.perf_counter`) when its lock was granted; `sessions` are those that
        may hold it.

        Returns:
            What was replaced; milliseconds from that grant to the return of COMMIT; how many attempts it took.
        """
        attempts, seconds = 0, ATTEMPT_SECONDS
        while True:
            attempts += 1
            try:
                with conn.transaction():
                    set_lock_timeout(conn, seconds, idle=IDLE_SECONDS)
                    replaced, granted = swap()
                return replaced, (time.perf_counter() - granted) * 1000, attempts
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self.rest(f"{sessions}, {attempts} attempts")
                seconds = SENT_AWAY_SECONDS if fetch(conn, VACUUMED) == [(True,)] else ATTEMPT_SECONDS


VACUUMED = sql.SQL("""
SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'ShareUpdateExclusiveLock' AND locktype = 'relation' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))""")
"""Whether something is vacuumed in this database; of whom it is a plain role does not see."""
TRY_ALONE = sql.SQL("SELECT pg_try_advisory_lock(hashtextextended(%s, 20121225))")
HOLDER = sql.SQL("""
SELECT l.pid, coalesce(a.usename, '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid,
       hashtextextended(%s, 20121225) AS key
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = key
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())""")
SNAPSHOTS = sql.SQL("""
WITH RECURSIVE readable AS (
    SELECT to_regclass(%s)::oid AS oid
    UNION SELECT w.ev_class FROM readable r JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid
    JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
), reader AS MATERIALIZED (
    SELECT DISTINCT r.oid FROM pg_roles r, readable t
    WHERE has_table_privilege(r.oid, t.oid, 'SELECT') OR has_any_column_privilege(r.oid, t.oid, 'SELECT')
)
SELECT a.pid, a.usename, a.xact_start::text, a.backend_xmin::text FROM pg_stat_activity a
WHERE a.datname = current_database() AND coalesce(a.backend_type, 'client backend') = 'client backend'
  AND a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL
  AND EXISTS (SELECT FROM reader WHERE pg_has_role(a.usesysid, reader.oid, 'MEMBER'))
  AND NOT EXISTS (
    SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = a.pid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND c.relnamespace = 'publications_data'::regnamespace AND l.granted
      AND l.mode IN ('RowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock', 'AccessExclusiveLock'))""")
"""Sessions with a snapshot whose role could read the table, or a view of it: by its own right, or as a member of a role that may.

Not those that fill or index a staging table: they read nothing published. Of other roles' sessions a plain role sees pid, role
and snapshot, not the type; autovacuum is the one without a role. What a function reads with the rights of its owner nobody can
tell: a role that has only such a function is not waited for.
"""


def wait_for_older_snapshots(conn: Database, waiting: Patience, table: str) -> None:
    """Returns when every snapshot that exists now and could see `table` has ended; later ones see what is committed now.

    So a query or a REPEATABLE READ transaction that runs for longer than the patience makes a publish fail, whatever it
    reads, if its role may read the table: nobody can tell what it will read next.
    """
    older = set(fetch(conn, SNAPSHOTS, [table]))
    while older:
        older &= set(fetch(conn, SNAPSHOTS, [table]))
        if older:
            sessions = ", ".join(
                f"pid {pid} of `{role}`" for pid, role, *_ in sorted(older, key=lambda one: str(one[0]))
            )
            waiting.rest(f"sessions with a snapshot older than the rows: {sessions}")


def _held_by(conn: Database, key: list[str]) -> str:
    """Who holds the lock of a partition, for a person: whoever can connect can hold it, also without publishing anything."""
    return "".join(f", pid {pid} of `{role}`" for pid, role in fetch(conn, HOLDER, key))
