"""Patience with locks: short attempts with pauses between them, so that nobody queues for long behind somebody who waits."""

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
"""How long one attempt queues for the lock: the longest that new readers wait behind an attempt that fails."""
SENT_AWAY_SECONDS = 1.3
"""How long where a vacuum holds the table: PostgreSQL ends an autovacuum that somebody has waited for, but looks whether to only
after `deadlock_timeout`, 1 s. On a table of 10 million rows it would go on for minutes."""
IDLE_SECONDS = 30.0
"""After this the server ends a transaction whose process does nothing more: it was stopped, or its machine is gone. Until then
readers are shut out; between two statements of a swap lie milliseconds."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
Result = TypeVar("Result")


class Patience:
    """One deadline for everything that a change waits for.

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
        """A pause, growing and with jitter so that two who wait for each other do not meet again.

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
    def alone(self, conn: Database, key: str, others: str) -> Iterator[None]:
        """Until the end of the `with`, nobody else is in a `with` of the same `key`; `others` says who that would be.

        The lock is the session's: no transaction is open meanwhile. It is asked for again and again rather than queued for: a
        queued statement holds a snapshot, for which the holder may wait.
        """
        while fetch(conn, _TRY_ALONE, [key]) != [(True,)]:
            self.rest(f"{others}{_held_by(conn, key)}")
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # a lost session has lost the lock too
                fetch(conn, _LEAVE, [key])

    def for_locks(
        self, conn: Database, work: Callable[[], Result], sessions: str = "readers or another publish"
    ) -> tuple[Result, int]:
        """Does `work` in a transaction, from its start again and again while a lock is not granted in time.

        Args:
            conn: A connection of its own, in autocommit mode.
            work: What is done.
            sessions: Those that may hold the lock.

        Returns:
            What `work` returned in the attempt that was committed; how many attempts it took.
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
"""Whether something is vacuumed in this database; of whom it is a plain role does not see."""
_TRY_ALONE = sql.SQL("SELECT pg_try_advisory_lock(hashtextextended(%s, 20121225))")
_LEAVE = sql.SQL("SELECT pg_advisory_unlock(hashtextextended(%s, 20121225))")
_HOLDER = sql.SQL("""
SELECT l.pid, coalesce(a.usename, '') FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid,
       hashtextextended(%s, 20121225) AS key
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = key
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())""")


def _held_by(conn: Database, key: str) -> str:
    """Who holds the lock of a key, for a person: whoever can connect can hold it, also without publishing anything."""
    return "".join(f", pid {pid} of `{role}`" for pid, role in fetch(conn, _HOLDER, [key]))
