"""A pipeline of hours, and one without a model in a time zone that changes its clocks, through their lives on real servers."""

import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from landfall import pipelines
from landfall.database import connect as connect_database
from landfall.freshness import champion
from landfall.models.registry import registry
from landfall.objects.client import connect
from landfall.orchestration import collect_features, decide, judge, promote, train
from landfall.partitions import Bulk, Trip
from landfall.pipelines.bike_hourly import BIKE_HOURLY
from landfall.pipelines.bike_weather import BIKE_WEATHER
from landfall.publishing import lookup
from landfall.samples.bike_demand import actual_hours
from landfall.spec import Estimator, Feed, Landing, Partition, Partitions, Pipeline, PredictionTable

FIRST = date(2013, 3, 4)
LEARNT = 3
"""Days whose hours are learnt from."""
WEAK = Estimator(kind="decision_tree", task="regression", parameters={"maxDepth": 3})
Row = dict[str, Any]


def own(pipeline: Pipeline) -> Pipeline:
    """The pipeline once more, with landings, tables and a model of its own."""
    name = f"hours_{uuid.uuid4().hex[:6]}"

    def table(one: PredictionTable) -> PredictionTable:
        return replace(one, name=f"{name}.{one.name.partition('.')[2]}")

    def feed(one: Feed) -> Feed:
        return replace(
            one,
            pipeline=name,
            dag_id=f"{name}_{one.name}",
            landing=replace(one.landing, prefix=f"{name}/{one.name}"),
            features_table=f"{name}.{one.name}",
            quarantine_table=f"{name}.q_{one.name}",
            table=table(one.table),
            held_against=table(one.held_against) if one.held_against else None,
            model=name if one.model else "",
        )

    feeds = tuple(map(feed, pipeline.feeds))
    training = pipeline.training
    if training:
        learner = replace(training.learner, estimator=WEAK, holdout=12, minimum=24)
        training = replace(training, dag_id=f"{name}_training", model=name, feed=feeds[0], learner=learner)
    return replace(pipeline, name=name, feeds=feeds, table=table(pipeline.table), training=training)


def rows_of(feed: Feed, day: date) -> list[Row]:
    """The hours of a day of the sample, with the columns of the feed's contract and their types."""
    names, read = [column.name for column in feed.contract.columns], {"int": int, "double": float}
    types = {column.name: column.type for column in feed.contract.columns}
    known = BIKE_HOURLY.feed("snapshots").contract.names
    hours = [dict(zip(known, row, strict=True)) for row in actual_hours(day)]
    return [{name: read.get(types[name], str)(hour[name]) for name in names} for hour in hours]


@dataclass(frozen=True)
class Life:
    """The servers and one pipeline."""

    stack: Any
    pipeline: Pipeline

    def put(self, landing: Landing, partition: Partition, content: bytes, ending: str) -> None:
        key = f"{landing.folder(partition)}rows{ending}"
        store: Any = connect(self.stack.settings.s3)
        store.put_object(Bucket=self.stack.settings.s3.bucket, Key=key, Body=content)

    def land_hours(self, feed: Feed, day: date) -> list[Partition]:
        """Each hour of a day, as an object of its own."""
        partitions = []
        for row in rows_of(feed, day):
            partitions.append(Partition(day, row["hr"]))
            self.put(feed.landing, partitions[-1], json.dumps(row).encode() + b"\n", ".jsonl")
        return partitions

    def run(self, feed: Feed, partitions: list[Partition]) -> dict[str, str]:
        """Run some partitions in one go; what became of each."""
        trip = Trip(self.stack.settings, self.pipeline, feed, f"test_{uuid.uuid4().hex[:8]}")
        done = Bulk(trip, tell=lambda _: None).run(Partitions.of(partitions))
        return {str(one.partition): f"{one.state}{one.why and f': {one.why}'}" for one in done}

    def rows(self, table: PredictionTable) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.settings.database_url) as conn:
            return conn.execute(f"SELECT * FROM {table.name} ORDER BY time").fetchall()


class Events(dict[Any, Any]):
    """What steps note on the events of their assets."""

    def __missing__(self, asset: Any) -> Any:
        return SimpleNamespace(extra={})


class Run(dict[str, Any]):
    """A run of the training DAG: the part of Airflow's context that its steps read."""

    def __init__(self) -> None:
        self.reports = dict[str, Any]()
        super().__init__(
            params={"until": None, "approval": False},
            run_id=f"test_{uuid.uuid4().hex[:8]}",
            dag_run=SimpleNamespace(run_type="manual", logical_date=None),
            ti=SimpleNamespace(xcom_pull=lambda task_ids: self.reports.get(task_ids)),
            outlet_events=Events(),
        )

    def step(self, made: Any) -> None:
        made.render_template_fields(self)
        self.reports[made.task_id] = made.execute(self)


@pytest.fixture
def life(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a pipeline of the test's own."""
    for name, value in stack.env.items():
        if name.startswith(("AWS_", "MLFLOW_", "LANDFALL_")):
            monkeypatch.setenv(name, value)
    made: list[Life] = []

    def make(pipeline: Pipeline) -> Life:
        made.append(Life(stack, own(pipeline)))
        monkeypatch.setitem(pipelines.PIPELINES.named, made[-1].pipeline.name, made[-1].pipeline)
        return made[-1]

    yield make
    with registry(stack.settings) as client:
        for one in made:
            if one.pipeline.training and client.search_registered_models(f"name = '{one.pipeline.name}'"):
                client.delete_registered_model(one.pipeline.name)


def test_hours_are_learnt_from_predicted_and_measured_hour_by_hour(life: Any) -> None:
    one: Life = life(BIKE_HOURLY)
    snapshots, forecast, training = one.pipeline.feed("snapshots"), one.pipeline.feed("forecast"), one.pipeline.trained
    for number in range(LEARNT):
        one.land_hours(snapshots, FIRST + timedelta(days=number))
    run = Run()
    for verb in (decide, collect_features, train, judge, promote):
        run.step(verb(training))
    with connect_database(one.stack.settings) as conn:
        serving = champion(one.stack.settings, conn, one.pipeline.name)
    assert serving is not None
    assert serving.snapshot is not None
    assert (serving.snapshot.days, str(serving.learnt_until)) == (24 * LEARNT, "2013-03-06T23")
    assert str(serving.snapshot.judged_until) == "2013-03-06T11"

    day = FIRST + timedelta(days=LEARNT)
    ahead = one.land_hours(forecast, day)
    assert set(one.run(forecast, ahead).values()) == {"published"}
    predicted = one.rows(forecast.table)
    assert [(row[2].isoformat(), row[5]) for row in predicted] == [
        (f"{hour.day}T{hour.hour:02}:00:00+00:00", str(hour)) for hour in ahead
    ]
    memory = one.land_hours(forecast, FIRST)[:1]
    [why] = one.run(forecast, memory).values()
    assert why.startswith(
        f"skipped: Every version of `{one.pipeline.name}` that serves or served has learnt from {memory[0]}"
    )

    assert set(one.run(snapshots, one.land_hours(snapshots, day)).values()) == {"published"}
    measured = one.rows(snapshots.table)
    counted = [float(row["cnt"]) for row in rows_of(snapshots, day)]
    assert [row[4] for row in measured] == counted
    assert [row[5] for row in measured] == [
        before[3] - actual for before, actual in zip(predicted, counted, strict=True)
    ]
    with connect_database(one.stack.settings) as conn:
        key = {"city": "Washington", "state": "D.C.", "time": f"{day}T17:00"}
        assert lookup(conn, forecast.table, key)["partition"] == f"{day}T17"

    # An hour that is run again gives the same rows, and leaves the other hours alone.
    assert one.run(forecast, ahead[7:8]) == {str(ahead[7]): "published"}
    assert [row[:6] for row in one.rows(forecast.table)] == [row[:6] for row in predicted]


@pytest.mark.parametrize(("day", "length"), [(date(2012, 3, 11), 23), (date(2012, 11, 4), 25), (date(2012, 7, 4), 24)])
def test_a_feed_without_a_model_publishes_the_days_of_its_own_zone(life: Any, day: date, length: int) -> None:
    one: Life = life(BIKE_WEATHER)
    feed, partition = one.pipeline.feed("hours"), Partition(day)
    rows = [{**row, "dteday": day} for row in rows_of(feed, day)]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), content)
    one.put(feed.landing, partition, content.getvalue(), ".parquet")
    assert one.run(feed, [partition]) == {str(day): "published"}
    [row] = one.rows(feed.table)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("America/New_York"))
    first, after = feed.landing.calendar.window(partition)
    assert (row[2], (after - first).total_seconds() / 3600) == (midnight, length)
    assert row[3] == pytest.approx(sum(hour["temp"] for hour in rows) / len(rows))
    assert (row[4], row[9], row[11]) == (max(hour["temp"] for hour in rows), 24, day)
