"""Reads one feed: its newest partitions, from their landing to what readers see, and those that are overdue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from landfall.database import Database
from landfall.ledger import Standing, gather
from landfall.ledger import lives as ledger
from landfall.ledger.current import current_in
from landfall.ledger.landed import recorded
from landfall.ledger.standing import judged
from landfall.publishing import appearances
from landfall.reporting import cells
from landfall.reporting.facts import FeedFacts, Overdue, PartitionLife
from landfall.spec import Feed, Partition, Pipeline


def read_feed(conn: Database, pipeline: Pipeline, feed: Feed, limit: int, now: datetime) -> FeedFacts:
    """The newest `limit` partitions of a feed. It runs inside the caller's transaction.

    A partition that landed and was published before there was a ledger has only its publication.
    """
    name, lives = feed.full_name, dict[Partition, PartitionLife]()

    def put(partition: Partition, **known: Any) -> None:
        if cells.is_usual(partition):
            bare = PartitionLife(partition=partition, due=cells.due(feed.landing, partition))
            lives[partition] = replace(lives.get(partition, bare), **known)

    shown = appearances(conn, feed.table, limit)
    landed = ledger.landed_before(conn, name, [(each.partition, each.objects, each.first_at) for each in shown])
    for each in shown:
        put(
            each.partition,
            landed_at=landed.get(each.partition),
            first_published_at=each.first_at,
            published_at=each.since,
            version=each.version or "",
            published_rows=each.rows,
        )
    for partition, at in ledger.landings(conn, name, limit).items():
        if partition not in lives:
            put(partition, landed_at=at)
    for partition, read in ledger.newest_rows(conn, name, limit).items():
        put(partition, rows=read.rows, quarantined=read.quarantined)
    overdue = [
        Overdue(partition=partition, due=late.due, lacks=late.lacks)
        for partition, late in ledger.overdue(conn, name).items()
        if cells.is_usual(partition)
    ]
    newest = tuple(lives[partition] for partition in sorted(lives)[-limit:])
    pending = [life.partition for life in newest if life.is_pending]
    standings = _standings(conn, pipeline, feed, pending, now) if pending else {}
    return FeedFacts(feed=feed, lives=newest, overdue=tuple(overdue), standings=standings)


def _standings(
    conn: Database, pipeline: Pipeline, feed: Feed, partitions: Sequence[Partition], now: datetime
) -> dict[Partition, Standing]:
    """Where partitions stand, by the function of `landfall status`, which also asks S3 and Airflow. A report asks the ledger."""
    current, landed = current_in(conn, pipeline, feed, now), recorded(conn, feed, partitions)
    gathered = gather(conn, feed, landed, None)
    return {facts.partition: judged(facts, current) for facts in gathered if facts.partition in landed.objects}
