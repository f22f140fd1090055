"""Removes what a stream has kept for longer than it declares: some rows now and then, so that no batch waits for it."""

import time
from datetime import UTC, datetime

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.publishing.schema import qualified
from landfall.spec.stream import Stream

EVERY = 10.0
"""The seconds between two removals."""
AT_ONCE = 20_000
"""The most rows that one removal takes from a table."""


class Retention:
    """Removes old predictions, late rows, dead letters, windows and batches of a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._last = time.monotonic()

    def apply(self, conn: Database) -> None:
        """Removes some old rows, if it is time to."""
        if time.monotonic() - self._last < EVERY:
            return
        self._last = time.monotonic()
        self.remove(conn)

    def remove(self, conn: Database) -> None:
        """Removes up to `AT_ONCE` old rows of each table."""
        stream = self.stream
        before = datetime.now(UTC) - stream.keep
        ages = {
            stream.dead_letters_table: "arrived_at",
            stream.late_table: "event_time",
            stream.windows_table: "window_end",
            **({stream.predictions_table: "event_time"} if stream.predictions else {}),
        }
        with explained(conn, f"Old rows of the stream `{stream.name}` could not be removed."):
            for table, column in ages.items():
                fetch(conn, _REMOVE.format(table=qualified(table), age=sql.Identifier(column)), [before, AT_ONCE])
            fetch(conn, _REMOVE_BATCHES, [stream.name, before])


_REMOVE = sql.SQL("""
WITH removed AS (
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {age} < %s LIMIT %s)) RETURNING 1
) SELECT count(*) FROM removed""")
_REMOVE_BATCHES = sql.SQL("""
WITH removed AS (DELETE FROM landfall.stream_batches WHERE stream = %s AND committed_at < %s RETURNING 1)
SELECT count(*) FROM removed""")
