"""Every landing is published, exactly once, whatever the order of things: random worlds over the real ledger and tables.

A world has two partitions, objects that strangers create, replace and delete, runs that take one step of the trip at a time
and may crash between any two or be made to fail by a server, bulks that take both partitions, audits that may overlap, a DAG
that may be paused. The steps are those of `landfall.partitions`, which Airflow's tasks and the bulk take. When everybody has
come to rest, every partition that is ready must be published from exactly what lies in S3, and no input may have been
published twice.

    pytest tests/ledger/test_every_landing.py                            at least 10,000 steps
    LANDFALL_STEPS=100000 pytest tests/ledger/test_every_landing.py      more
"""

import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import sql

from landfall.errors import LandfallError
from landfall.ledger import Current, Seen, Start, audit
from landfall.partitions import Reading, Trip, judge, look, open_readings, open_staging, refuse, swap
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.publishing import Publication
from landfall.spec import S3, AllNamed, AtLeast, Feed, Marker, OneObject, Partition, Settings
from landfall.spec.reports import FeaturesReport, Verdict

STEPS = int(os.environ.get("LANDFALL_STEPS", "10000"))
LENGTH = 50
DAYS = [Partition.parse(f"2026-03-0{n}") for n in (1, 2)]
NAMES = ["a.csv", "b.csv", "_SUCCESS"]
BROKEN = "rows that break the contract"
RULES = [OneObject(), AtLeast(2), AllNamed(("a.csv", "b.csv")), Marker()]
days, which_run = st.sampled_from([DAYS[0]] * 4 + [DAYS[1]]), st.integers(0, 1)
names, contents = st.sampled_from(["a.csv"] * 3 + NAMES), st.sampled_from(["red", "green", BROKEN])


class Run:
    """A run as Airflow keeps it: made by the schedule, by the audit or by hand; reset by the audit."""

    reading: Reading
    publication: Publication

    def __init__(self, run_id: str) -> None:
        self.run_id, self.cancelled = run_id, False
        self.reset()

    def reset(self) -> None:
        """From the beginning; never, if its backfill was cancelled."""
        self.state, self.at = "queued" if self.cancelled else "running", "wait"
        self.ended_at: datetime | None = None
        self.numbers: dict[Partition, int] = {}

    def fail(self) -> None:
        """To the end."""
        self.state, self.ended_at = "failed", datetime.now(UTC)

    def seen(self) -> Seen:
        """As the ledger is told of it."""
        held = "its backfill was cancelled" if self.state == "queued" else ""
        bound = self.cancelled and not held and self.state != "running"
        return Seen(run_id=self.run_id, state=self.state, ended_at=self.ended_at, held=held, bound=bound)


class World(RuleBasedStateMachine):
    """See the module. The three class attributes are given by the test."""

    conn: psycopg.Connection[tuple[Any, ...]]
    new_feed: Callable[..., Feed]
    new_store: Callable[[], Any]
    current: Current
    where: Settings
    steps = 0

    @initialize(ready=st.sampled_from(RULES))
    def begin(self, ready: Any) -> None:
        self.feed, self.store = type(self).new_feed(ready), type(self).new_store()
        self.pipeline = replace(BIKE_DEMAND, name=self.feed.pipeline, feeds=(self.feed,), table=self.feed.table)
        self.bulks = 0
        self.runs: dict[Partition, list[Run]] = {day: [] for day in DAYS}
        self.decided: list[Start] = []
        self.paused = False
        self.passed = timedelta(0)

    # --- what strangers do -------------------------------------------------------------------------------------------
    @rule(day=days, name=names, content=contents)
    def an_object_lands(self, day: Partition, name: str, content: str) -> None:
        self.store.put(f"{self.feed.landing.folder(day)}{name}", content)

    @rule(day=days, name=st.sampled_from([*NAMES, "dt=2026-3-1/a.csv"]))
    def an_object_is_deleted_or_a_stray_one_lands(self, day: Partition, name: str) -> None:
        if "/" in name:
            self.store.put(f"{self.feed.landing.prefix}/{name}", "stray")
        self.store.objects.pop(f"{self.feed.landing.folder(day)}{name}", None)

    # --- what Airflow does -------------------------------------------------------------------------------------------
    @rule()
    def the_dag_is_paused_or_unpaused(self) -> None:
        self.paused = not self.paused

    @precondition(lambda self: not self.paused)
    @rule(day=days)
    def the_schedule_makes_a_run(self, day: Partition) -> None:
        if not self.runs[day]:
            self.runs[day].append(Run(f"scheduled__{day}"))

    @rule(day=days)
    def somebody_runs_a_day_by_hand(self, day: Partition) -> None:
        if len(self.runs[day]) < 2:
            self.runs[day].append(Run(f"manual__{day}_{len(self.runs[day])}"))

    @precondition(lambda self: not self.paused)
    @rule(day=days, which=which_run, count=st.integers(1, 8))
    def a_run_goes_on(self, day: Partition, which: int, count: int) -> None:
        for run in self.runs[day][which : which + 1]:
            for _ in range(count):
                self.step(day, run)

    @precondition(lambda self: not self.paused)
    @rule(day=days, content=contents, steps=st.integers(3, 5))
    def a_slow_run_meets_a_quick_one(self, day: Partition, content: str, steps: int) -> None:
        """Between what the slow one read and its swap, an object lands and the quick one publishes it."""
        self.somebody_runs_a_day_by_hand(day)
        self.somebody_runs_a_day_by_hand(day)
        slow, quick = self.runs[day][:2]
        for _ in range(steps):
            self.step(day, slow)
        self.an_object_lands(day, "a.csv", content)
        for _ in range(8):
            self.step(day, quick)

    @rule(days=st.sampled_from([DAYS, DAYS[:1]]))
    def a_bulk_takes_days(self, days: list[Partition]) -> None:
        """What is ready and keeps the contract is published; the others are left as they were."""
        self.bulks += 1
        trip = self.trip(f"manual__bulk_{self.bulks}")
        looked = look(self.conn, self.store, trip, open_readings(self.conn, trip, days))
        for day, error in looked.refused.items():
            refuse(self.conn, trip, day, error)
        for day, reading in looked.readings.items():
            try:
                judge(self.conn, trip, reading, self.features(reading))
            except LandfallError as error:
                refuse(self.conn, trip, day, error)
                continue
            publication = open_staging(self.conn, trip, [reading], "").publications[day]
            self.insert(publication)
            swap(self.conn, trip, publication, reading.number, 1)

    @rule(day=days, which=which_run)
    def a_task_crashes_and_is_tried_again(self, day: Partition, which: int) -> None:
        """The task begins anew; what it has committed stays."""
        for run in self.runs[day][which : which + 1]:
            run.at = {"list": "read", "insert": "stage"}.get(run.at, run.at)

    @rule(day=days, which=which_run)
    def a_server_makes_a_run_fail(self, day: Partition, which: int) -> None:
        """After all its tries, at whatever it is; nobody can write anything down."""
        for run in self.runs[day][which : which + 1]:
            if run.state == "running" and run.at != "wait":
                run.fail()

    @rule(day=days, which=which_run)
    def the_backfill_of_a_run_is_cancelled(self, day: Partition, which: int) -> None:
        """A run that is at work goes on."""
        for run in self.runs[day][which : which + 1]:
            run.cancelled = True

    @rule(day=days, which=which_run)
    def somebody_clears_a_run_of_a_cancelled_backfill(self, day: Partition, which: int) -> None:
        for run in self.runs[day][which : which + 1]:
            if run.cancelled and run.state in ("success", "failed"):
                run.reset()

    # --- what the audit does -----------------------------------------------------------------------------------------
    @rule(patient=st.booleans())
    def an_audit_decides(self, patient: bool) -> None:
        """An event, a duplicate of one, or five minutes: it makes no difference. Patience may be over, if nothing is left."""
        self.decide(timedelta(seconds=60) if patient or self.decided else timedelta(0))

    @rule(hours=st.integers(1, 3))
    def time_passes(self, hours: int) -> None:
        self.passed += timedelta(hours=hours)

    @precondition(lambda self: self.decided)
    @rule(which=st.integers(0, 9))
    def a_decided_start_is_made(self, which: int) -> None:
        self.start(self.decided.pop(which % len(self.decided)))

    @precondition(lambda self: self.decided)
    @rule()
    def the_audit_crashes_before_it_starts_anything(self) -> None:
        self.decided.clear()

    # --- how it is done ----------------------------------------------------------------------------------------------
    def decide(self, patience: timedelta) -> int:
        weight = {"running": 2, "failed": 1, "success": 1, "queued": 0}
        newest = {
            day: max(reversed(runs), key=lambda run: weight[run.state]) for day, runs in self.runs.items() if runs
        }
        seen = {day: run.seen() for day, run in newest.items()}
        active = {day: each for day, each in seen.items() if each.active}
        code, contract = self.trip("").code, self.feed.contract.version
        current = replace(self.current, now=datetime.now(UTC) + self.passed, code=code, contract=contract)
        found = audit(
            self.conn, self.store, "lake", self.feed, current,
            active=lambda _: active, newest=lambda _, day: seen.get(day), patience=patience, paused=self.paused,
        )  # fmt: skip
        self.decided += found.starts
        return len(found.starts)

    def start(self, start: Start) -> None:
        """As `start_runs` does: a new run unless its date is taken, or the run there is, reset. A dead one is ended."""
        day = Partition.parse(start.partition)
        beside = start.logical_date != day.start.isoformat()
        if start.run_id is None and (beside or not any(run.run_id.startswith("scheduled") for run in self.runs[day])):
            self.runs[day].insert(len(self.runs[day]) if beside else 0, Run(f"landed__{start.logical_date}"))
        for run in self.runs[day]:
            if run.run_id == start.run_id:
                run.reset()
            if run.run_id == start.dead:
                run.fail()

    def step(self, day: Partition, run: Run) -> None:
        if run.state != "running":
            return
        landing, trip = self.feed.landing, self.trip(run.run_id)
        match run.at:
            case "wait":
                listed = [(key, modified) for key, (_, modified) in self.store.objects.items()]
                if not landing.lacks(day, listed, self.current.now):
                    run.at = "read"
            case "read":
                run.numbers, run.at = open_readings(self.conn, trip, [day]), "list"
            case "list" | "judge":
                try:
                    if run.at == "list":
                        run.reading, run.at = look(self.conn, self.store, trip, run.numbers).only(day), "judge"
                    else:
                        judge(self.conn, trip, run.reading, self.features(run.reading))
                        run.at = "stage"
                except LandfallError as error:
                    refuse(self.conn, trip, day, error)
                    run.fail()
            case "stage":
                run.publication, run.at = open_staging(self.conn, trip, [run.reading], "").publications[day], "insert"
            case "insert":
                self.insert(run.publication)
                run.at = "publish"
            case "publish":
                swap(self.conn, trip, run.publication, run.reading.number, 1)
                run.state = "success"

    def trip(self, run_id: str) -> Trip:
        return Trip(self.where, self.pipeline, self.feed, run_id)

    def features(self, reading: Reading) -> FeaturesReport:
        """As the ETL job reports: one row, or one that breaks the contract."""
        day = str(reading.partition)
        if BROKEN not in reading.objects.values():
            return FeaturesReport(rows=1, quarantined=0, partitions={day: (1, 0)})
        verdict = Verdict(partition=day, rows=0, quarantined=1, reasons={"hr": (1, "hr is not a whole number (x)")})
        return FeaturesReport(rows=0, quarantined=1, partitions={day: (0, 1)}, refused=(verdict,))

    def insert(self, publication: Publication) -> None:
        table = sql.Identifier(*publication.staging.split("."))
        with self.conn.transaction():
            self.conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
            query = sql.SQL("INSERT INTO {} (time, predicted) VALUES (%s, 1)").format(table)
            self.conn.execute(query, [publication.partition.start])

    # --- what must hold ----------------------------------------------------------------------------------------------
    def there(self, day: Partition) -> dict[str, str]:
        keys = {key: etag for key, (etag, _) in self.store.objects.items()}
        return {key: etag for key, etag in keys.items() if self.feed.landing.partition_of(key) == day}

    def published(self) -> dict[Partition, dict[str, str]]:
        query = "SELECT partition, fingerprint FROM landfall.publications WHERE table_name = %s AND state = 'published'"
        rows = self.conn.execute(query, [self.feed.table.name]).fetchall()
        return {Partition.parse(day): {each["key"]: each["etag"] for each in made["objects"]} for day, made in rows}

    @invariant()
    def a_step_is_counted(self) -> None:
        type(self).steps += 1

    def teardown(self) -> None:
        """Everybody comes to rest: the DAG runs, audits go on until there is nothing to do."""
        if not hasattr(self, "feed"):
            return
        self.paused = False
        for _ in range(8):
            while self.decided:
                self.start(self.decided.pop())
            for day, runs in self.runs.items():
                for run in runs * 12:
                    self.step(day, run)
            self.passed += timedelta(hours=3)
            if not self.decide(timedelta(0)):
                break
        assert self.decide(timedelta(0)) == 0, "an audit of a world at rest starts something"
        self.judge()

    def judge(self) -> None:
        published = self.published()
        listed = [(key, modified) for key, (_, modified) in self.store.objects.items()]
        for day in DAYS:
            there = self.there(day)
            made = published.get(day)
            if self.feed.landing.lacks(day, listed, self.current.now) or BROKEN in there.values():
                assert made is None or BROKEN not in made.values()
                continue
            fewer = made is not None and there.items() < made.items()  # what was deleted is reported, not run again
            assert made == there or fewer, f"{day}: published {made}, in S3 {there}"
        again = "SELECT key, etag FROM landfall.landed_objects WHERE feed = %s AND gone_at IS NULL"
        known = sorted(self.conn.execute(again, [self.feed.full_name]).fetchall())
        assert known == sorted((key, etag) for key, (etag, _) in self.store.objects.items()), "the ledger is not S3"
        query = "SELECT key, etag FROM landfall.consumed WHERE feed = %s"
        consumed = set(self.conn.execute(query, [self.feed.full_name]).fetchall())
        assert consumed == {pair for made in published.values() for pair in made.items()}
        assert self.no_input_twice_in_a_row(), "an input was published twice"

    def no_input_twice_in_a_row(self) -> bool:
        """Of no partition were two neighbouring publications made from the same objects, but by somebody's hand."""
        query = """SELECT partition, fingerprint -> 'objects', run_id FROM landfall.publications
                   WHERE table_name = %s AND published_at IS NOT NULL ORDER BY partition, published_at"""
        rows = self.conn.execute(query, [self.feed.table.name]).fetchall()
        return all(one[:2] != other[:2] or "manual" in one[2] + other[2] for one, other in itertools.pairwise(rows))


@pytest.mark.timeout(3600)
def test_every_landing_is_published_once_from_what_lies_in_s3(
    database_url: str,
    local_settings: Settings,
    new_feed: Callable[..., Feed],
    new_store: Callable[[], Any],
    current: Current,
) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c TimeZone=UTC") as conn:
        bound = {
            "conn": conn,
            "new_feed": staticmethod(new_feed),
            "new_store": staticmethod(new_store),
            "current": current,
            "where": replace(local_settings, s3=S3(bucket="lake")),
        }
        world: Any = type("BoundWorld", (World,), bound)
        while world.steps < STEPS:
            run_state_machine_as_test(
                world,
                settings=settings(
                    max_examples=max(1, (STEPS - world.steps) // LENGTH + 1),
                    stateful_step_count=LENGTH,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    print_blob=True,
                    phases=(Phase.generate,) if os.environ.get("LANDFALL_STEPS") else tuple(Phase),
                ),
            )
        assert world.steps >= STEPS
