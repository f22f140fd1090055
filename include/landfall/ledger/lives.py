"""What the ledger knows about a feed's partitions over time: when they landed, how many rows were read, which are overdue."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from landfall.database import Database, Parameters, explained, fetch_as
from landfall.ledger.gather import Value, possible
from landfall.spec import Partition


@dataclass(frozen=True)
class RowsRead:
    """How many rows of a partition the contract kept and how many it did not, at the newest reading that it judged."""

    rows: int
    quarantined: int


@dataclass(frozen=True)
class Late:
    """A deadline that passed, and what its partition lacked then."""

    due: datetime
    lacks: str


_LANDED_BEFORE = sql.SQL("""
SELECT wanted.partition, max(version.at) AS at
FROM jsonb_to_recordset(%(wanted)s::jsonb) AS wanted(partition text, before timestamptz, objects jsonb)
CROSS JOIN LATERAL jsonb_each_text(wanted.objects) AS input(key, etag)
CROSS JOIN LATERAL (
    SELECT coalesce(max(o.last_modified) FILTER (WHERE o.last_modified <= wanted.before), min(o.last_modified)) AS at
    FROM landfall.landed_objects o
    WHERE o.feed = %(feed)s AND o.partition = wanted.partition AND o.key = input.key AND o.etag = input.etag
) AS version
WHERE version.at IS NOT NULL GROUP BY wanted.partition""")
_LANDED = sql.SQL("""
SELECT partition, max(last_modified) AS at FROM landfall.landed_objects
WHERE feed = %s AND gone_at IS NULL AND partition IS NOT NULL
GROUP BY partition ORDER BY partition DESC LIMIT %s""")
_ROWS = sql.SQL("""
SELECT DISTINCT ON (partition) partition, rows, coalesce(quarantined, 0) AS quarantined FROM landfall.readings
WHERE feed = %s AND rows IS NOT NULL ORDER BY partition DESC, id DESC LIMIT %s""")
_OVERDUE = sql.SQL("""
SELECT DISTINCT ON (l.partition) l.partition, l.due_at AS due, l.lacks FROM landfall.late_landings l
WHERE l.feed = %(feed)s AND NOT EXISTS (
    SELECT FROM landfall.landed_objects o WHERE o.feed = l.feed AND o.partition = l.partition AND o.gone_at IS NULL)
  AND NOT EXISTS (SELECT FROM landfall.readings r
    WHERE r.feed = l.feed AND r.partition = l.partition AND r.rows IS NOT NULL)
ORDER BY l.partition DESC, l.due_at DESC LIMIT 20""")


def landed_before(
    conn: Database, feed: str, wanted: Iterable[tuple[Partition, Mapping[str, str], datetime]]
) -> dict[Partition, datetime]:
    """When the newest of the wanted objects of each partition was written. Partitions without a known object are left out.

    Args:
        conn: The predictions database.
        feed: `PIPELINE/FEED`.
        wanted: A partition, its objects (key -> ETag), and the moment before which they had landed. If the same bytes were put
            there again later, that is no landing.

    Raises:
        PublishingError: the database cannot be asked.
    """
    rows = [{"partition": str(day), "before": str(before), "objects": dict(objects)} for day, objects, before in wanted]
    return _by_partition(conn, feed, _moment, _LANDED_BEFORE, {"feed": feed, "wanted": json.dumps(rows)})


def landings(conn: Database, feed: str, limit: int) -> dict[Partition, datetime]:
    """When the newest `limit` partitions landed, of those whose objects are there now.

    Raises:
        PublishingError: the database cannot be asked.
    """
    return _by_partition(conn, feed, _moment, _LANDED, [feed, limit])


def newest_rows(conn: Database, feed: str, limit: int | None = None) -> dict[Partition, RowsRead]:
    """The rows of the newest `limit` partitions that the contract has judged; without a limit, of all of them.

    Raises:
        PublishingError: the database cannot be asked.
    """
    return _by_partition(conn, feed, RowsRead, _ROWS, [feed, limit])


def rows_read(conn: Database, feed: str) -> dict[Partition, int]:
    """The rows that the contract kept of every partition at its newest reading. Partitions without rows are left out.

    Raises:
        PublishingError: the database cannot be asked.
    """
    return {partition: read.rows for partition, read in newest_rows(conn, feed).items() if read.rows}


def overdue(conn: Database, feed: str) -> dict[Partition, Late]:
    """The newest partitions, at most 20, whose deadline passed and that have not landed since; newest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    return _by_partition(conn, feed, Late, _OVERDUE, {"feed": feed})


def _moment(*, at: datetime) -> datetime:
    return at


def _by_partition(
    conn: Database, feed: str, make: Callable[..., Value], query: sql.SQL, parameters: Parameters
) -> dict[Partition, Value]:
    """Values by partition: `make` makes a value from the other columns of each row."""

    def pair(*, partition: str, **columns: Any) -> tuple[str, Value]:
        return partition, make(**columns)

    with explained(conn, f"What landed and was read of `{feed}` is not known."):
        return possible(fetch_as(conn, pair, query, parameters))
