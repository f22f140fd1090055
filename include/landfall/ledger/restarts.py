"""Which runs a server made fail, and when each is started again: after a pause that grows, with nobody's help.

A run that fails because of its input says so in the ledger (`refuse_reading`). If a run failed and said nothing, something else
made it fail: Spark, S3, the registry or the database was away, its worker died, it took too long, or its code is wrong. At the
moment of such a failure nobody may be able to write it down. That is why saying nothing stands for this case.
"""

import hashlib
import json
from datetime import datetime, timedelta

from landfall.ledger.facts import Facts

FIRST = timedelta(minutes=5)
"""The first pause before a run that a server made fail is started again. Each further pause is twice as long."""
DOUBLINGS = 5
"""How often the pause is doubled at most. If the first one is 5 minutes, the longest is 2 h 40 min."""
LOST = timedelta(hours=1)
"""How long a reading without an end is left to whoever made it, if Airflow knows no run of it (`landfall backfill --bulk`)."""


def made_of(facts: Facts, code: str, contract: str) -> str:
    """A digest of what a run of the partition would be made of now. As long as it stays the same, restarts are counted on."""
    joined = [sorted(facts.joined.items())] if facts.joined else []
    inputs = json.dumps([sorted(facts.objects.items()), code, contract, *joined])
    return hashlib.sha256(inputs.encode()).hexdigest()[:16]


def restarts(facts: Facts, of: str) -> int:
    """How often the partition was started again with what is there now; 0 if it has been published since."""
    claimed, made = facts.claimed, facts.made
    if claimed is None or claimed.made_of != of or (made and made.since > claimed.at):
        return 0
    return claimed.restarts


def failed_at(facts: Facts) -> datetime | None:
    """When a server made the partition's run fail; None if none did, or if that is not known."""
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
    """How long a run rests after it failed, if it had been started again `restarts` times in a row."""
    return first * int(2 ** min(restarts, DOUBLINGS))


def paused_until(facts: Facts, of: str, first: timedelta) -> datetime | None:
    """Until when no further restart can be due, however the newest one ends; None if there was no restart."""
    count = restarts(facts, of)
    return facts.claimed.at + pause_after(count, first) if count and facts.claimed else None


def next_start(facts: Facts, of: str, first: timedelta) -> datetime | None:
    """When the partition's failed run is to be started again; None if no server made it fail.

    Args:
        facts: The facts of the partition.
        of: What `made_of` gives for them.
        first: The first pause.
    """
    failed = failed_at(facts)
    if failed is None:
        return None
    pause = pause_after(restarts(facts, of), first)
    lost = facts.is_unended and (facts.run is None or facts.read is None or facts.run.run_id != facts.read.run_id)
    return failed + (max(pause, LOST) if lost else pause)
