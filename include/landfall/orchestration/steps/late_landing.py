"""Notes a late landing: when its deadline passes, the wait for it says so in the log of its task and in the ledger.

Airflow's own deadline alerts count to the end of a run, even if its data came long before: see docs/adr. A wait knows better:
it exists because the partition has not landed. It goes on waiting in any case.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from landfall.spec import Landing, Partition, Settings

SETTLE = 30.0
"""Seconds that a wait which begins after the deadline waits before it looks: the data of a past day is usually there."""
log = logging.getLogger(__name__)
_one_at_a_time = ThreadPoolExecutor(1, "late landing")
"""One at a time, because thousands of waits may have the same deadline."""
_noting: set[asyncio.Task[None]] = set()


def when_late(landing: Landing, partition: Partition) -> asyncio.TimerHandle | None:
    """In the event loop of a wait: notes it when the partition's deadline passes. Cancel the handle when the wait ends."""
    due = landing.due(partition)
    if due is None:
        return None
    left = (due - datetime.now(UTC)).total_seconds()
    # Clocks differ slightly: a second later the deadline has passed by every clock.
    return asyncio.get_running_loop().call_later(left + 1 if left > 0 else SETTLE, _begin, landing, partition)


def _begin(landing: Landing, partition: Partition) -> None:
    task = asyncio.get_running_loop().create_task(_note(landing, partition))
    _noting.add(task)  # an event loop refers to its tasks only weakly
    task.add_done_callback(_noting.discard)


async def _note(landing: Landing, partition: Partition) -> None:
    noting = asyncio.get_running_loop().run_in_executor(_one_at_a_time, note_late_landing, landing, partition)
    try:
        if remark := await noting:
            log.warning("%s", remark)
    except Exception as error:  # the wait goes on; `landfall status` shows the partition as late all the same
        log.warning("The deadline of %s has passed; that could not be noted. %s", landing.folder(partition), error)


def note_late_landing(landing: Landing, partition: Partition) -> str:
    """Looks once more, and notes in the ledger that the partition is late.

    Returns:
        What is missing, for the log of the wait; empty if the partition has landed.

    Raises:
        LandingError: S3 does not answer. PublishingError: the database does not answer.
    """
    from landfall.database import connect as connect_database
    from landfall.landing.landed import lacks_now
    from landfall.ledger import note_late
    from landfall.objects.client import connect

    settings, now, due = Settings.read(), datetime.now(UTC), landing.due(partition)
    lacks = lacks_now(connect(settings.s3), settings.s3.bucket, landing, partition)
    if not lacks or due is None or due > now:
        return ""
    with connect_database(settings) as database:
        note_late(database, landing.name, partition, due, lacks)
    return f"{landing.name} {partition} is late: {lacks}; it was due {due:%Y-%m-%d %H:%M} UTC. The wait goes on."
