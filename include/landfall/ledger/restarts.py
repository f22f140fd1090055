"""Which runs failed by a server, and when each is started again: back-off that grows, with nobody's help.

A run that fails by its input says so in the ledger (`refuse_reading`). A run that failed and said nothing was failed by
something else: Spark, S3, the registry or the database was away, its worker died, it took too long, or its code is wrong.
Nobody needs to be able to write that down at the moment of the failure, which is why it is the case that nothing is said of.
"""

import hashlib
import json
from datetime import datetime, timedelta

from landfall.ledger.facts import Facts

FIRST = timedelta(minutes=5)
"""After a run failed by a server, the first pause until it is started again; each further one is twice as long."""
DOUBLINGS = 5
"""How often the pause is doubled at most: 2 h 40 min, if the first one is 5 minutes."""
LOST = timedelta(hours=1)
"""How long a reading without an end is left to whoever made it, where Airflow knows no run of it: `landfall backfill --bulk`."""


def made_of(facts: Facts, code: str, contract: str) -> str:
    """What a run of the partition would be made of now: while that is the same, restarts are counted on."""
    told = json.dumps([sorted(facts.objects.items()), code, contract])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def restarts(facts: Facts, of: str) -> int:
    """How often the partition was started again with what is there now, and has not been published since."""
    claimed, made = facts.claimed, facts.made
    if claimed is None or claimed.made_of != of or (made and made.since > claimed.at):
        return 0
    return claimed.restarts


def failed_at(facts: Facts) -> datetime | None:
    """When the partition's run failed by a server; None if it did not, or is not known to."""
    run, read = facts.run, facts.read
    if run is not None and run.active:
        return None
    if facts.is_unended and read is not None:
        if run is not None and run.run_id == read.run_id:
            return (run.ended_at or read.at) if run.state == "failed" else None
        return read.at if facts.runs_known else None
    if run is None or run.state != "failed" or run.ended_at is None or facts.is_read:
        return None
    published = facts.made is not None and facts.made.objects == facts.objects
    late = facts.landed_at is None or facts.landed_at > run.ended_at
    return None if published or late else run.ended_at


def pause_after(restarts: int, first: timedelta) -> timedelta:
    """How long a run rests that failed after so many restarts in a row."""
    return first * int(2 ** min(restarts, DOUBLINGS))


def paused_until(facts: Facts, of: str, first: timedelta) -> datetime | None:
    """Until when the next restart cannot be due, however the newest one ends; None if there was none."""
    count = restarts(facts, of)
    return facts.claimed.at + pause_after(count, first) if count and facts.claimed else None


def next_start(facts: Facts, of: str, first: timedelta) -> datetime | None:
    """When the partition's failed run is to be started again; None if it did not fail by a server.

    Args:
        facts: Of the partition.
        of: `made_of` them.
        first: The first pause.
    """
    failed = failed_at(facts)
    if failed is None:
        return None
    pause = pause_after(restarts(facts, of), first)
    lost = facts.is_unended and (facts.run is None or facts.read is None or facts.run.run_id != facts.read.run_id)
    return failed + (max(pause, LOST) if lost else pause)
