"""The audit: hold what is in S3 against what was made of it, and say which runs are due.

What woke it does not matter and carries no truth: every audit lists each feed's prefix once and decides from that listing,
the ledger and Airflow's runs. A second audit finds the runs that the first had started, or what they read, and starts none.
Two audits at once do not start a run twice: the one that claims it in the ledger does.

What a server made fail is started again when that server answers: one run of a feed at first, which shows whether things work
again, and more once something of the feed has come to its end since (a circuit breaker, half open).
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
"""Runs of one feed that an audit lets go on at the same time, those of the newest partitions first; the others are left to
the audits that follow. A year of old data that lands at once so stands neither in front of today's forecast nor beside it
in such numbers that a training takes three times as long."""

PATIENCE = timedelta(seconds=60)
"""How long nobody else starts a run that an audit has decided to start: longer than it takes from the one to the other."""

NewestRun = Callable[[Feed, Partition], Seen | None]


@dataclass(frozen=True, kw_only=True)
class Start:
    """A run that is due: of a new partition, or once more.

    A run of a training has no logical date, and its id in the place of a partition.

    Args:
        feed: `PIPELINE/FEED`.
        dag_id: Its DAG.
        partition: The partition.
        logical_date: The run's logical date.
        run_id: The run that the partition had, if that is to be run again; None for a new one.
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
        """The run of a partition as its facts and its standing tell it.

        A run that would not start if it were cleared is left as it is, and another one made beside it.
        """
        run, moment = facts.run, facts.feed.landing.window(facts.partition)[0]
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
        starts: Runs that are due now; with those that go on already at most `AT_ONCE`.
        postponed: How many more are due.
        running: How many go on.
        paused: Whether the feed's DAG is paused, so that nothing of it is started.
        again_at: When the next run that a server made fail is due.
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
    """Audit one feed: one listing of its prefix, written to the ledger and held against it.

    Args:
        conn: The predictions database, with the ledger in it.
        store: The object store.
        bucket: The bucket that data lands in.
        feed: The feed.
        current: What a publication made now would be made with.
        active: The runs of the feed's DAG that have not ended.
        newest: The newest run of one partition, asked only for those that seem due.
        paused: Whether the feed's DAG is paused: then nothing is started, as it would only be queued.
        yielding: Whether something more urgent is at work: then only the run of the newest partition is started.
        away: Which server is away that the feed's jobs need; empty if all are there. Without it runs would only fail.
        at_once: How many runs may go on at the same time, those that an audit did not start among them.
        patience: How long a start that another audit decided on is left to it.

    Raises:
        LandingError: the store cannot be asked. PublishingError, RunError: the database, Airflow cannot be asked.
    """
    landed = list_feed(conn, store, bucket, feed, now=current.now)
    gathered = gather(conn, feed, landed, active, dag_paused=paused)
    found = [(facts, judged(facts, current)) for facts in gathered]
    deleted = [f"{facts.partition}: {each.why}" for facts, each in found if each.reason == "input deleted"]
    due = [facts for facts, each in reversed(found) if each.automatic or _may_have_failed(facts, each, current)]
    running = sum(1 for _, each in found if each.state == "running")
    free = at_once - running
    newest_landed = max(landed.objects, default=None)
    working = max((at for facts, _ in found if (at := _came_to_its_end(facts))), default=None)
    pauses = [until for facts, each in found if (until := _rests_until(facts, each, current))]
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
    """The facts with the partition's newest run. That a run is held up by those of other days only they themselves know."""
    run = facts.run
    return facts if run and newest and run.held and newest.run_id == run.run_id else replace(facts, run=newest)


def _may_have_failed(facts: Facts, standing: Standing, current: Current) -> bool:
    """True if a run read the partition and its end is not known, so that Airflow is to be asked how it ended.

    While the pause after a restart is not over, nobody needs to ask.
    """
    return _is_open(facts, standing) and not _rests_until(facts, standing, current)


def _is_open(facts: Facts, standing: Standing) -> bool:
    return not (standing.state == "running" or facts.lacks or facts.dag_paused) and facts.is_unended


def _rests_until(facts: Facts, standing: Standing, current: Current) -> datetime | None:
    """When the pause after the newest restart is over at the earliest; None if it is over."""
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
    """Claims the start; counts it if it is one more after a failure by a server."""
    of, seen = made_of(facts, current.code, current.contract), facts.read.number if facts.read else None
    number = restarts(facts, of) + 1 if failed_at(facts) else 0
    return claim(conn, start.feed, start.partition, seen, patience, restarts=number, made_of=of)
