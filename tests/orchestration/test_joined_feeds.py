"""Hours joined with the days that another feed publishes, on real servers: what waits, what is joined, what is stale."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import TaskDeferred

from landfall.database import connect as connect_database
from landfall.ledger.current import current_in
from landfall.ledger.gather import gather
from landfall.ledger.landed import list_feed
from landfall.ledger.standing import Standing, judged
from landfall.objects.client import connect
from landfall.orchestration import make_features
from landfall.orchestration.joined_trigger import JoinedTrigger
from landfall.partitions import Bulk, Trip
from landfall.spec import (
    Calendar,
    Column,
    Contract,
    Feed,
    Joined,
    Landing,
    Partition,
    Partitions,
    Pipeline,
    PredictionTable,
    Transform,
)
from landfall.spec.reports import FeaturesReport

ZONE = "America/New_York"
NOON, EVENING = Partition.parse("2012-12-25T17"), Partition.parse("2012-12-26T03")
"""Hours of UTC. Both lie in the 25th of December in Washington."""
EVE, CHRISTMAS = Partition.parse("2012-12-24"), Partition.parse("2012-12-25")
NEXT = Partition.parse("2012-12-26T12")
"""An hour whose day has not landed."""
MOMENT = Column(name="time", type="timestamp", zone="UTC")


def contract(*columns: Column) -> Contract:
    return Contract(
        columns=(Column(name="city", type="string"), MOMENT, *columns), key=("city", "time"), partition_by="time"
    )


def feed(
    name: str, landing: Landing, one: Contract, table: PredictionTable, transform: Transform | None = None
) -> Feed:
    return Feed(
        pipeline=name, name="rows", dag_id=name, ahead=-1, landing=landing, contract=one, table=table, transform=transform,
        features_table=f"features.{name}", quarantine_table=f"quarantine.{name}",
    )  # fmt: skip


@dataclass
class Two:
    """A feed of days, and a feed of hours that joins it as of each ride's time."""

    stack: Any
    weather: Feed
    rides: Feed

    def land(self, one: Feed, partition: Partition, *rows: str) -> None:
        store: Any = connect(self.stack.settings.s3)
        content = "\n".join([",".join(one.contract.names), *rows, ""]).encode()
        key = f"{one.landing.folder(partition)}rows.csv"
        store.put_object(Bucket=self.stack.settings.s3.bucket, Key=key, Body=content)

    def trip(self, one: Feed) -> Trip:
        pipeline = Pipeline(name=one.pipeline, feeds=(one,), table=one.table)
        return Trip(self.stack.settings, pipeline, one, f"test_{uuid.uuid4().hex[:8]}")

    def run(self, one: Feed, *partitions: Partition) -> dict[Partition, str]:
        """What became of each."""
        done = Bulk(self.trip(one), tell=lambda _: None).run(Partitions.of(partitions))
        return {each.partition: f"{each.state}{each.why and f': {each.why}'}" for each in done}

    def stands(self) -> dict[Partition, Standing]:
        settings, trip = self.stack.settings, self.trip(self.rides)
        with connect_database(settings) as database:
            landed = list_feed(database, connect(settings.s3), settings.s3.bucket, self.rides)
            current = current_in(database, trip.pipeline, self.rides, datetime.now(UTC))
            return {
                facts.partition: judged(facts, current) for facts in gather(database, self.rides, landed, lambda _: {})
            }

    def rows(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.settings.database_url) as conn:
            query = f"SELECT city, partition, riders, weather_temp FROM {self.rides.table.name} ORDER BY time, city"
            return conn.execute(query).fetchall()


@pytest.fixture
def two(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    for name, value in stack.env.items():
        if name.startswith(("AWS_", "MLFLOW_", "LANDFALL_")):
            monkeypatch.setenv(name, value)
    name = f"joined_{uuid.uuid4().hex[:6]}"
    days = PredictionTable(
        name=f"{name}.days", columns={"city": "text", "time": "timestamptz", "temp": "double precision"},
        key=("city", "time"), calendar=Calendar("day", ZONE),
    )  # fmt: skip
    hours = PredictionTable(
        name=f"{name}.hours",
        columns={"city": "text", "time": "timestamptz", "riders": "bigint", "weather_temp": "double precision"},
        key=("city", "time"), calendar=Calendar("hour"),
    )  # fmt: skip
    weather = feed(
        f"{name}_w",
        Landing(prefix=f"{name}/weather", timezone=ZONE),
        contract(Column(name="temp", type="double")),
        days,
    )
    as_of = Transform(
        function="spark_jobs.etl.joins:as_of",
        arguments={"time": "time", "key": "city", "prefix": "weather_"},
        tables={"other": Joined(table=days, since=1)},
    )
    landing = Landing(prefix=f"{name}/rides", folder_format="dt=%Y-%m-%d/hr=%H")
    yield Two(stack, weather, feed(f"{name}_r", landing, contract(Column(name="riders", type="bigint")), hours, as_of))
    with psycopg.connect(stack.settings.database_url, autocommit=True) as conn:
        conn.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def test_hours_wait_for_their_days_and_are_stale_when_a_day_changes(two: Two) -> None:
    two.land(two.rides, NOON, "A,2012-12-25T17:10:00Z,8", "B,2012-12-25T17:20:00Z,9")
    two.land(two.rides, EVENING, "A,2012-12-26T03:00:00Z,7")
    missing = f"`{two.weather.table.name}` has no {EVE} yet, `{two.weather.table.name}` has no {CHRISTMAS} yet"
    done = two.run(two.rides, NOON, EVENING)
    assert done[NOON] == f"failed: `{two.rides.dag_id}` {NOON} cannot be joined: {missing}."
    assert done[EVENING].startswith("failed: ")
    stood = two.stands()[NOON]
    assert (stood.state, stood.why, stood.automatic) == ("waiting", missing, False)

    two.land(two.weather, EVE, "A,2012-12-24T10:00:00-05:00,1.5", "B,2012-12-24T10:00:00-05:00,2.5")
    two.land(two.weather, CHRISTMAS, "A,2012-12-25T12:05:00-05:00,3.5", "A,2012-12-25T13:00:00-05:00,4.5")
    assert set(two.run(two.weather, EVE, CHRISTMAS).values()) == {"published"}
    assert two.stands()[NOON].reason == "failed"  # not refused: the audit starts it again after a pause
    assert set(two.run(two.rides, NOON, EVENING).values()) == {"published"}
    assert two.rows() == [("A", str(NOON), 8, 3.5), ("B", str(NOON), 9, 2.5), ("A", str(EVENING), 7, 4.5)]
    assert {standing.state for standing in two.stands().values()} == {"published"}

    two.land(two.weather, CHRISTMAS, "A,2012-12-25T12:05:00-05:00,30.5")
    assert two.run(two.weather, CHRISTMAS) == {CHRISTMAS: "published"}
    stood = two.stands()[NOON]
    assert (stood.state, stood.reason, stood.automatic) == ("stale", "joined input changed", True)
    assert stood.why.startswith(f"joined {two.weather.table.name} {CHRISTMAS}: ")
    assert two.run(two.rides, NOON) == {NOON: "published"}  # alone it gets the rows that it gets among others
    assert two.rows() == [("A", str(NOON), 8, 30.5), ("B", str(NOON), 9, 2.5), ("A", str(EVENING), 7, 4.5)]
    assert {day: standing.state for day, standing in two.stands().items()} == {NOON: "published", EVENING: "stale"}


def test_a_run_waits_in_the_triggerer_until_its_days_are_published(two: Two) -> None:
    step, needs = make_features(two.rides), {two.weather.table.name: f"{EVE}..{CHRISTMAS}"}
    with pytest.raises(TaskDeferred) as deferred:
        step.wait_for_joined(NOON, "nothing yet")
    trigger = deferred.value.trigger
    assert isinstance(trigger, JoinedTrigger)
    assert deferred.value.method_name == "resume"
    assert trigger.serialize() == (
        "landfall.orchestration.joined_trigger.JoinedTrigger",
        {"needs": needs, "interval": 5.0},
    )

    def publish_days() -> None:
        for day in (EVE, CHRISTMAS):
            two.land(two.weather, day, f"A,{day}T12:00:00-05:00,1")
        assert set(two.run(two.weather, EVE, CHRISTMAS).values()) == {"published"}

    async def first_event() -> tuple[bool, Any]:
        waiting = asyncio.ensure_future(anext(JoinedTrigger(needs, interval=0.05).run()))
        await asyncio.sleep(0.3)
        early = waiting.done()
        await asyncio.to_thread(publish_days)
        return early, (await waiting).payload

    assert asyncio.run(first_event()) == (False, {"published": needs})


def test_a_job_makes_nothing_of_a_partition_whose_day_is_missing(two: Two) -> None:
    """A training collects features in such a way. Without the day its hours are left out, never made of fewer rows."""
    from pyspark.sql import SparkSession

    from spark_jobs.__main__ import run

    for day in (EVE, CHRISTMAS):
        two.land(two.weather, day, f"A,{day}T12:00:00-05:00,1")
    two.run(two.weather, EVE, CHRISTMAS)
    two.land(two.rides, NOON, "A,2012-12-25T17:10:00Z,8")
    two.land(two.rides, NEXT, "A,2012-12-26T12:10:00Z,8")
    job, settings = two.rides.features, two.stack.settings
    argv = [*job.argv(partition=f"{NOON},{NEXT}"), "--lake", settings.lake]
    session = SparkSession.builder.remote(settings.spark_remote).create()
    try:
        report = run([*argv, "--days", "missing"], session)
        with pytest.raises(
            Exception, match=rf"{NEXT} cannot be joined: `{two.weather.table.name}` has no 2012-12-26 yet"
        ):
            run(argv, session)
    finally:
        session.stop()
    assert FeaturesReport.of(report).partitions == {str(NOON): (1, 0)}


def test_what_is_joined_is_an_input_of_the_step(two: Two) -> None:
    step = make_features(two.rides)
    assert [asset.name for asset in step.inlets] == [f"landings.{two.rides.dag_id}", two.weather.table.name]
    assert replace(two.rides, transform=None).joined == {}
