"""The audit compares what is in S3 with what was made of it, and says which runs are due.

What woke the audit does not matter and carries no truth. Every audit lists each feed's prefix once and decides from that
listing, the ledger and Airflow's runs. A second audit finds the runs that the first one started, or what they read, and starts
none. Two audits at once do not start a run twice: only the one that claims the start in the ledger starts it.

What a server made fail is started again when that server answers. At first one run of a feed is started, which shows whether
things work again. More follow once something of the feed has come to its end since (a circuit breaker, half open).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from landfall.database import Database
from landfall.ledger.facts import Facts, Seen
from landfall.ledger.gather import Runs, gather
from landfall.ledger.landed import list_feed
from landfall.ledger.record import claim
from landfall.ledger.restarts import failed_at, made_of, paused_until, restarts
from landfall.ledger.standing import Current, Standing, judged
from landfall.objects.listing import ObjectStore
from landfall.spec import Feed, Partition

AT_ONCE = max(2, os.cpu_count() or 2)
"""How many runs of one feed an audit lets go on at the same time, those of the newest partitions first. The others are left to
the audits that follow. So a year of old data that lands at once does not stand in front of today's forecast. Nor do so many of
its runs go on beside it that a training takes three times as long."""

PATIENCE = timedelta(seconds=60)
"""How long nobody else starts a run that an audit has decided to start. That is longer than starting it takes."""

NewestRun = Callable[[Feed, Partition], Seen | None]


@dataclass(frozen=True, kw_only=True)
class Start:
    """A run that is due: the first of a new partition, or one that is run once more.

    A run of a training has no logical date, and has its id in the place of a partition.

    Args:
        feed: `PIPELINE/FEED`.
        dag_id: Its DAG.
        partition: The partition.
        logical_date: The run's logical date.
        run_id: The run that the partition had, if that is to be run again; None if a new run is to be made.
        reason: See `Standing`.
        why: See `Standing`.
        dead: The run that a new one replaces, because Airflow will never start it; empty if there is none.
    """

    feed: str
    dag_id: str
    partition: str
    logical_date: str | None
    run_id: str | None
    reason: str
    why: str
    dead: str = ""

    @classmethod
    def again(cls, facts: Facts, standing: Standing) -> Self:
        """The start that the facts and the standing of a partition ask for.

        A run that would not start if it were cleared is left as it is, and another one is made beside it.
        """
        run, moment = facts.run, facts.partition.start
        stays = run is not None and (run.bound or bool(run.held))
        return cls(
            feed=facts.name,
            dag_id=facts.feed.dag_id,
            partition=str(facts.partition),
            logical_date=(facts.partition.also_at(datetime.now(UTC)) if stays else moment).isoformat(),
            run_id=run.run_id if run and not stays else None,
            reason=standing.reason,
            why=standing.why,
            dead=run.run_id if run and run.held and run.backfill is None else "",
        )


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit of one feed found.

    Args:
        feed: `PIPELINE/FEED`.
        objects: Objects listed.
        new: Object versions that were not known.
        gone: Object versions that were known and are gone.
        starts: Runs that are due now. Together with the runs that go on already they are at most `AT_ONCE`.
        postponed: How many more runs are due.
        running: How many runs go on.
        paused: Whether the feed's DAG is paused, so that none of its runs is started.
        again_at: When the next run that a server made fail is due again.
        away: Which server is away, so that nothing is started; empty if all are there.
        deleted: Published partitions whose inputs were deleted, with what is gone.
        unexpected: Keys that belong to no partition, escaped.
    """

    feed: str
    objects: int
    new: int
    gone: int
    starts: list[Start] = field(default_factory=list)
    postponed: int = 0
    running: int = 0
    paused: bool = False
    again_at: datetime | None = None
    away: str = ""
    deleted: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def audit(
    conn: Database,
    store: ObjectStore,
    bucket: str,
    feed: Feed,
    current: Current,
    *,
    active: Runs,
    newest: NewestRun,
    paused: bool = False,
    yielding: bool = False,
    away: str = "",
    at_once: int = AT_ONCE,
    patience: timedelta = PATIENCE,
) -> Audit:
    """Audits one feed: lists its prefix once, writes the listing to the ledger, and compares it with what was made of it.

    Args:
        conn: The predictions database, with the ledger in it.
        store: The object store.
        bucket: The bucket that data lands in.
        feed: The feed.
        current: What a publication made now would be made with.
        active: The runs of the feed's DAG that have not ended.
        newest: Gives the newest run of one partition. It is called only for partitions that seem due.
        paused: Whether the feed's DAG is paused. Then nothing is started, as it would only be queued.
        yielding: Whether something more urgent is at work. Then only the run of the newest partition is started.
        away: Which server is away that the feed's jobs need; empty if all are there. Without that server runs would only fail.
        at_once: How many runs may go on at the same time, including those that no audit started.
        patience: How long a start that another audit decided on is left to that audit.

    Raises:
        LandingError: the store cannot be asked. PublishingError: the database cannot be asked. RunError: Airflow cannot be asked.
    """
    landed = list_feed(conn, store, bucket, feed, now=current.now)
    gathered = gather(conn, feed, landed, active, dag_paused=paused)
    judgements = [(facts, judged(facts, current)) for facts in gathered]
    deleted = [f"{facts.partition}: {stands.why}" for facts, stands in judgements if stands.reason == "input deleted"]
    due = [
        facts for facts, stands in reversed(judgements) if stands.automatic or _may_have_failed(facts, stands, current)
    ]
    running = sum(1 for _, stands in judgements if stands.state == "running")
    free = at_once - running
    newest_landed = max(landed.objects, default=None)
    working = max((at for facts, _ in judgements if (at := _came_to_its_end(facts))), default=None)
    pauses = [until for facts, stands in judgements if (until := _rests_until(facts, stands, current))]
    starts: list[Start] = []
    postponed = 0
    for facts in due:
        if away or len(starts) >= free or (yielding and facts.partition != newest_landed):
            postponed += 1
            continue
        known = _known(facts, newest(facts.feed, facts.partition))
        now = judged(known, current)
        if not now.automatic:
            pauses += [now.again_at] if now.again_at else []
            continue
        start, failed = Start.again(known, now), failed_at(known)
        if failed and (working is None or working < failed) and (starts or free < at_once):
            postponed += 1
        elif _claim(conn, known, start, current, patience):
            starts.append(start)
    return Audit(
        feed=feed.full_name,
        objects=landed.listed,
        new=landed.new,
        gone=landed.gone,
        starts=starts,
        postponed=postponed,
        running=running,
        paused=paused,
        again_at=min(pauses, default=None),
        away=away if postponed else "",
        deleted=deleted,
        unexpected=[repr(key) for key in landed.unexpected],
    )


def _known(facts: Facts, newest: Seen | None) -> Facts:
    """The facts with the partition's newest run.

    If that is the known run and it is held, it is kept as it is: the runs of other days may hold it up, and a look at this run
    alone does not show that.
    """
    run = facts.run
    return facts if run and newest and run.held and newest.run_id == run.run_id else replace(facts, run=newest)


def _may_have_failed(facts: Facts, standing: Standing, current: Current) -> bool:
    """True if a run read the partition and its end is not known, so that Airflow has to be asked how it ended.

    As long as the pause after a restart lasts, nobody needs to ask.
    """
    return _is_open(facts, standing) and not _rests_until(facts, standing, current)


def _is_open(facts: Facts, standing: Standing) -> bool:
    return not (standing.state == "running" or facts.lacks or facts.dag_paused) and facts.is_unended


def _rests_until(facts: Facts, standing: Standing, current: Current) -> datetime | None:
    """When the pause after the newest restart is over at the earliest; None if no pause is left to wait for."""
    if not _is_open(facts, standing):
        return None
    until = paused_until(facts, made_of(facts, current.code, current.contract), current.restart_after)
    return until if until and until > current.now else None


def _came_to_its_end(facts: Facts) -> datetime | None:
    """When a run of the partition last published it, or said why not."""
    if facts.read and (facts.read.said or facts.read.refused):
        return facts.read.at
    return facts.made.published_at if facts.made else None


def _claim(conn: Database, facts: Facts, start: Start, current: Current, patience: timedelta) -> bool:
    """Claims the start. If a server made the run before it fail, the start is counted as one more restart."""
    of, newest_reading = made_of(facts, current.code, current.contract), facts.read.number if facts.read else None
    number = restarts(facts, of) + 1 if failed_at(facts) else 0
    return claim(conn, start.feed, start.partition, newest_reading, patience, restarts=number, made_of=of)
