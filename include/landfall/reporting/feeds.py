"""Reads one feed: its newest partitions, from their landing to what readers see, and those that are overdue."""

from dataclasses import dataclass, field, replace

from psycopg import sql

from landfall.database import Database, fetch
from landfall.reporting import cells
from landfall.reporting.facts import FeedFacts, Overdue, PartitionLife
from landfall.spec import Feed, Partition, Pipeline

_PUBLISHED = """
WITH newest AS (
    SELECT DISTINCT ON (partition) partition, published_at, fingerprint FROM landfall.publications
    WHERE table_name = %(table)s AND published_at IS NOT NULL ORDER BY partition DESC, published_at, id LIMIT %(limit)s)
SELECT f.partition::text, {landed}, f.published_at, greatest(p.published_at, p.restored_at), p.model_version, p.rows
FROM newest f
LEFT JOIN landfall.publications p
    ON p.table_name = %(table)s AND p.partition = f.partition AND p.state = 'published'"""
_LANDED_BEFORE = sql.SQL("""(
    SELECT max(version.at) FROM jsonb_to_recordset(CASE jsonb_typeof(f.fingerprint -> 'objects')
        WHEN 'array' THEN f.fingerprint -> 'objects' ELSE '[]' END) AS input(key text, etag text)
    CROSS JOIN LATERAL (
        SELECT coalesce(max(o.last_modified) FILTER (WHERE o.last_modified <= f.published_at),
                        min(o.last_modified)) AS at
        FROM landfall.landed_objects o
        WHERE o.feed = %(feed)s AND o.partition = f.partition::text AND o.key = input.key AND o.etag = input.etag
    ) AS version)""")
"""When the newest object of the first publication was written. A copy of the same bytes that was put later is no landing."""
_LANDED = sql.SQL("""
SELECT partition, max(last_modified) FROM landfall.landed_objects
WHERE feed = %(feed)s AND gone_at IS NULL AND partition IS NOT NULL
GROUP BY partition ORDER BY partition DESC LIMIT %(limit)s""")
_JUDGED = sql.SQL("""
SELECT DISTINCT ON (partition) partition, rows, quarantined FROM landfall.readings
WHERE feed = %(feed)s AND rows IS NOT NULL ORDER BY partition DESC, id DESC LIMIT %(limit)s""")
_OVERDUE = sql.SQL("""
SELECT DISTINCT ON (l.partition) l.partition, l.due_at, l.lacks FROM landfall.late_landings l
WHERE l.feed = %(feed)s AND NOT EXISTS (
    SELECT FROM landfall.landed_objects o WHERE o.feed = l.feed AND o.partition = l.partition AND o.gone_at IS NULL)
  AND NOT EXISTS (SELECT FROM landfall.readings r
    WHERE r.feed = l.feed AND r.partition = l.partition AND r.rows IS NOT NULL)
ORDER BY l.partition DESC, l.due_at DESC LIMIT 20""")


@dataclass
class _Lives:
    """Collects the lives of a feed's partitions."""

    feed: Feed
    by_partition: dict[Partition, PartitionLife] = field(default_factory=dict)

    def get(self, cell: object) -> PartitionLife | None:
        """The life of the partition in this cell, new if it is the first mention; None if the cell names no partition."""
        partition = cells.partition(cell)
        if partition is None:
            return None
        bare = PartitionLife(partition=partition, due=cells.due(self.feed.landing, partition))
        return self.by_partition.setdefault(partition, bare)

    def put(self, life: PartitionLife) -> None:
        self.by_partition[life.partition] = life

    def newest(self, limit: int) -> tuple[PartitionLife, ...]:
        """The newest lives, oldest first."""
        return tuple(self.by_partition[partition] for partition in sorted(self.by_partition)[-limit:])


def read_feed(conn: Database, pipeline: Pipeline, feed: Feed, limit: int) -> FeedFacts:
    """The newest `limit` partitions of a feed. It runs inside the caller's transaction.

    A partition that landed and was published before there was a ledger has only its publication.
    """
    names = {"feed": feed.full_name, "table": feed.table.name, "limit": limit}
    lives, ledger = _Lives(feed), cells.has_table(conn, "landed_objects")
    if cells.has_table(conn, "publications"):
        _published(conn, lives, names, ledger=ledger)
    overdue: tuple[Overdue, ...] = ()
    if ledger and cells.has_table(conn, "readings"):
        _landed(conn, lives, names)
        _judged(conn, lives, names)
    if ledger and cells.has_table(conn, "late_landings") and cells.has_table(conn, "readings"):
        overdue = tuple(
            overdue_partition for row in fetch(conn, _OVERDUE, names) if (overdue_partition := _overdue(row))
        )
    return FeedFacts(feed=feed, lives=lives.newest(limit), overdue=overdue)


def _published(conn: Database, lives: _Lives, names: dict[str, object], *, ledger: bool) -> None:
    landed_before = _LANDED_BEFORE if ledger else sql.SQL("NULL::timestamptz")
    query = sql.SQL(_PUBLISHED).format(landed=landed_before)
    for day, landed, first, published, version, rows in fetch(conn, query, names):
        if life := lives.get(day):
            lives.put(
                replace(
                    life,
                    landed_at=cells.moment(landed),
                    first_published_at=cells.moment(first),
                    published_at=cells.moment(published),
                    version=cells.text(version),
                    published_rows=cells.whole(rows),
                )
            )


def _landed(conn: Database, lives: _Lives, names: dict[str, object]) -> None:
    for day, landed in fetch(conn, _LANDED, names):
        life, at = lives.get(day), cells.moment(landed)
        if life and not life.first_published_at:
            lives.put(replace(life, landed_at=at))


def _judged(conn: Database, lives: _Lives, names: dict[str, object]) -> None:
    for day, rows, quarantined in fetch(conn, _JUDGED, names):
        if life := lives.get(day):
            lives.put(replace(life, rows=cells.whole(rows), quarantined=cells.whole(quarantined) or 0))


def _overdue(row: tuple[object, ...]) -> Overdue | None:
    partition, due = cells.partition(row[0]), cells.moment(row[1])
    return Overdue(partition=partition, due=due, lacks=cells.text(row[2])) if partition and due else None
