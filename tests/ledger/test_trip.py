"""The steps of a partition's trip, over one partition and over several: what one says, the others say too."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from landfall.errors import ComputeError, ContractError, LandingError
from landfall.partitions import Bulk, Looked, Reading, Trip, judge, look, open_readings, open_staging, refuse, swap
from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.spec import S3, AtLeast, Feed, OneObject, Partition, Partitions, Readiness, Settings
from landfall.spec.reports import FeaturesReport, Verdict

DAYS = [Partition.parse(f"2026-03-0{n}") for n in (1, 2, 3)]
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def trip(local_settings: Settings, new_feed: Callable[..., Feed]) -> Callable[..., Trip]:
    """Makes a run of a feed of its own."""

    def make(ready: Readiness | None = None, run_id: str = "r") -> Trip:
        feed = new_feed(ready or OneObject())
        pipeline = replace(BIKE_DEMAND, name=feed.pipeline, feeds=(feed,), table=feed.table)
        return Trip(replace(local_settings, s3=S3(bucket="lake")), pipeline, feed, run_id)

    return make


def looked_at(conn: Connection, store: Any, trip: Trip, days: Sequence[Partition]) -> Looked:
    return look(conn, store, trip, open_readings(conn, trip, days))


def test_what_is_not_complete_is_refused_alone_and_among_others(conn: Connection, store: Any, trip: Any) -> None:
    one: Trip = trip(AtLeast(2))
    folder = one.feed.landing.folder
    for key in (f"{folder(DAYS[0])}a.csv", f"{folder(DAYS[1])}a.csv", f"{folder(DAYS[1])}b.csv"):
        store.put(key, "e")
    among = looked_at(conn, store, one, DAYS)
    assert set(among.readings) == {DAYS[1]}
    for day in (DAYS[0], DAYS[2]):
        with pytest.raises(LandingError) as alone:
            looked_at(conn, store, one, [day]).only(day)
        assert str(alone.value) == str(among.refused[day])
    assert among.refused[DAYS[0]].what.endswith(" is not complete: 1 of at least 2 objects.")


def test_a_reading_is_the_same_alone_and_among_others_and_after_a_task(conn: Connection, store: Any, trip: Any) -> None:
    one: Trip = trip()
    for key in ("a.csv", "_SUCCESS", ".hidden.csv"):
        store.put(f"{one.feed.landing.folder(DAYS[0])}{key}", "e1")
    store.put(f"{one.feed.landing.folder(DAYS[1])}a.csv", "e2")
    alone = looked_at(conn, store, one, DAYS[:1]).only(DAYS[0])
    among = looked_at(conn, store, one, DAYS).only(DAYS[0])
    assert alone.objects == among.objects == {f"{one.feed.landing.folder(DAYS[0])}a.csv": "e1"}
    assert alone.number < among.number
    assert Reading.of(DAYS[0], alone.as_dict()) == replace(alone, size=0)


def test_a_broken_contract_is_noted_as_refused_with_no_kept_row(conn: Connection, store: Any, trip: Any) -> None:
    one: Trip = trip()
    store.put(f"{one.feed.landing.folder(DAYS[0])}a.csv", "e")
    reading = looked_at(conn, store, one, DAYS[:1]).only(DAYS[0])
    verdict = Verdict(partition=str(DAYS[0]), rows=3, quarantined=21, reasons={"hr": (21, "hr is outside 0..23 (24)")})
    report = FeaturesReport(rows=0, quarantined=21, partitions={str(DAYS[0]): (3, 21)}, refused=(verdict,))
    with pytest.raises(ContractError) as broken:
        judge(conn, one, reading, report)
    refuse(conn, one, DAYS[0], broken.value)
    query = "SELECT rows, quarantined, refused ->> 'why', refused ->> 'code' FROM landfall.readings WHERE id = %s"
    why = f"`{one.feed.dag_id}` {DAYS[0]}: 21 of 24 rows break the contract (allowed: 10%)."
    assert conn.execute(query, [reading.number]).fetchone() == (0, 21, why, one.code)


def test_of_an_outdated_publication_the_ledger_knows_why_nothing_came(conn: Connection, store: Any, trip: Any) -> None:
    one: Trip = trip()
    store.put(f"{one.feed.landing.folder(DAYS[0])}a.csv", "e")
    older, newer = (looked_at(conn, store, one, DAYS[:1]).only(DAYS[0]) for _ in range(2))
    states = []
    for reading in (newer, older):
        other = replace(one, run_id=f"r{reading.number}")
        publication = open_staging(conn, other, [reading], "").publications[DAYS[0]]
        conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
        insert = sql.SQL("INSERT INTO {} (time, predicted) VALUES (%s, 1)")
        conn.execute(insert.format(sql.Identifier(*publication.staging.split("."))), [DAYS[0].start])
        states.append(swap(conn, other, publication, reading.number, 1).state)
    assert states == ["published", "skipped"]
    said = conn.execute("SELECT said FROM landfall.readings WHERE id = %s", [older.number]).fetchone()
    assert said is not None
    assert "is out of date: it was made from an older look at what landed." in said[0]


def test_a_bulk_does_not_ask_the_warm_server_for_a_job_that_runs_elsewhere(trip: Any) -> None:
    one: Trip = trip()
    elsewhere = replace(one, settings=replace(one.settings, compute={"": "emr"}))
    with pytest.raises(ComputeError) as refused:
        list(Bulk(elsewhere, tell=lambda _: None).run(Partitions.of(DAYS)))
    assert str(refused.value) == (
        "`features` runs on emr; in bulk jobs run on the warm server only.\n"
        "  looked: the settings LANDFALL_COMPUTE...\n  left: nothing was started\n  next: the same command without --bulk"
    )
