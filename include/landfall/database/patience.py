"""Patience with locks: short attempts with pauses between them, so that nobody queues for long behind a session that waits."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import sql

from landfall.database.queries import Database, fetch, set_lock_timeout
from landfall.errors import PublishingError

ATTEMPT_SECONDS = 0.2
"""The seconds that one attempt queues for a lock. New readers wait no longer than that behind an attempt that fails."""
SENT_AWAY_SECONDS = 1.3
"""The seconds that an attempt queues if a vacuum may hold the table. PostgreSQL ends an autovacuum that somebody waits for, but
only looks for that after `deadlock_timeout`, 1 s. On a table of 10 million rows the vacuum would go on for minutes."""
IDLE_SECONDS = 30.0
"""The seconds after which the server ends a transaction whose process does nothing more, because it was stopped or its machine is
gone. Until then readers are shut out. A swap needs only milliseconds between two of its statements."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
T = TypeVar("T")


class Patience:
    """One deadline for all the locks that a change waits for.

    Args:
        what: The first sentence of the error if the deadline passes.
        left: What is left behind then, for the error.
        seconds: The seconds until the deadline.
    """

    def __init__(self, what: str, left: str, seconds: float) -> None:
        self.what, self.left, self.seconds = what, left, seconds
        self._end = time.monotonic() + seconds
        self._pause = FIRST_PAUSE

    def rest(self, sessions: str) -> None:
        """Sleeps for a while, longer each time, with jitter so that two that wait for each other do not meet again.

        Raises:
            PublishingError: the deadline has passed. The message says that it waited for `sessions`.
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
    def alone(self, conn: Database, key: str, others: str) -> Iterator[None]:
        """Until the end of the `with`, nobody else is in a `with` of the same `key`.

        The session holds the lock, so no transaction is open meanwhile. It tries again and again instead of queueing for the
        lock: a queued statement holds a snapshot, and the lock's holder may wait for that snapshot to go.

        Args:
            conn: A connection of its own, in autocommit mode.
            key: The name of the lock.
            others: Who else may hold it, for the error.

        Raises:
            PublishingError: the deadline has passed.
        """
        while fetch(conn, _TRY_ALONE, [key]) != [(True,)]:
            self.rest(f"{others}{_held_by(conn, key)}")
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # a lost session has lost the lock too
                fetch(conn, _LEAVE, [key])

    def for_locks(
        self, conn: Database, work: Callable[[], T], sessions: str = "readers or another publish"
    ) -> tuple[T, int]:
        """Does `work` in a transaction. While a lock is not granted in time, it starts anew in another transaction.

        Args:
            conn: A connection of its own, in autocommit mode.
            work: The work to do.
            sessions: The sessions that may hold the lock, for the error.

        Returns:
            What `work` returned in the attempt that was committed, and the number of attempts.

        Raises:
            PublishingError: the deadline has passed.
        """
        attempts, seconds = 0, ATTEMPT_SECONDS
        while True:
            attempts += 1
            try:
                with conn.transaction():
                    set_lock_timeout(conn, seconds, idle=IDLE_SECONDS)
                    result = work()
                return result, attempts
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self.rest(f"{sessions}, {attempts} attempts")
                seconds = SENT_AWAY_SECONDS if fetch(conn, _VACUUMED) == [(True,)] else ATTEMPT_SECONDS


_VACUUMED = sql.SQL("""
SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'ShareUpdateExclusiveLock' AND locktype = 'relation' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))""")
"""Asks whether a vacuum runs in this database. A plain role cannot see whose vacuum it is."""
_TRY_ALONE = sql.SQL("SELECT pg_try_advisory_lock(hashtextextended(%s, 20121225))")
_LEAVE = sql.SQL("SELECT pg_advisory_unlock(hashtextextended(%s, 20121225))")
_HOLDER = sql.SQL("""
SELECT l.pid, coalesce(a.usename, '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid,
       hashtextextended(%s, 20121225) AS key
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = key
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())""")


def _held_by(conn: Database, key: str) -> str:
    """Who holds the lock of a key, for a person. Anybody who can connect can hold it, even without publishing anything."""
    return "".join(f", pid {pid} of `{role}`" for pid, role in fetch(conn, _HOLDER, [key]))
