"""A landing that is late: Airflow's deadline alert of a feed's DAG, which asks S3 before it says so.

Airflow measures a deadline against the end of the run, from the run's logical date. A run whose partition landed in time
may still be at work then: that is not late. The run goes on waiting either way.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from landfall.pipelines import find_feed
from landfall.spec import Feed, Partition, Settings

log = logging.getLogger(__name__)


def late_alert(feed: Feed) -> DeadlineAlert | None:
    """The alert of a feed's DAG; None where its landing has no deadline."""
    from landfall.landing.store import feed_of

    if feed.landing.deadline is None:
        return None
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=feed.landing.deadline,
        callback=AsyncCallback(f"{__name__}.note_late_landing", kwargs={"feed": feed_of(feed.landing)}),
        name=f"{feed.dag_id} has landed",
    )


async def note_late_landing(feed: str, context: dict[str, Any] | None = None) -> str:
    """In the triggerer, when a deadline has passed: look, and if the partition has not landed, say so and note it.

    Returns:
        What was found, for the log.
    """
    run = (context or {})["dag_run"]
    found = find_feed(feed)
    day = (run.get("conf") or {}).get("day")
    moment = datetime.fromisoformat(str(run["logical_date"]).replace("Z", "+00:00"))
    partition = Partition.parse(day) if day else found.landing.holding(moment)
    told = await asyncio.to_thread(_note, feed, found, partition)
    log.warning("%s", told)
    return told


def _note(name: str, feed: Feed, partition: Partition) -> str:
    from landfall.landing.store import connect, iterate_folder
    from landfall.ledger import ensure_ledger, note_late
    from landfall.publishing import connect as connect_database

    settings, now = Settings.read(), datetime.now(UTC)
    objects = iterate_folder(connect(settings.s3), settings.s3.bucket, feed.landing, partition)
    lacks = feed.landing.lacks(partition, [(each.key, each.last_modified) for each in objects], now)
    due = feed.landing.due(partition)
    if not lacks or due is None or due > now:
        return f"{name} {partition} landed in time."
    with connect_database(settings) as database:
        ensure_ledger(database)
        note_late(database, name, partition, due, lacks)
    return f"{name} {partition} is late: {lacks}; it was due {due:%Y-%m-%d %H:%M} UTC. The run goes on waiting."
