"""What tests of Spark jobs share: one session a module, and a corner of the lake that is the module's own."""

import hashlib
import math
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from landfall.compute.local.warm import SMALL
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import ACTUALS, FORECAST
from landfall.samples.bike_demand import actual_hours, forecast_hours
from landfall.spec import Contract, Estimator, Feed, FileFormat, Job, Landing, Learner, Settings
from landfall.spec.learner import Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="module")
def spark(stack: Any) -> "Iterator[SparkSession]":
    """A session of the module's own on the warm server, planned as steps plan their small jobs."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(stack.settings.spark_remote).create()
    for name, value in SMALL.items():
        session.conf.set(name, value)
    yield session
    session.stop()


@dataclass
class Corner:
    """A landing folder and tables that no other module has, under the stack's bucket."""

    settings: Settings
    spark: "SparkSession"
    name: str
    feed: Feed = FORECAST

    @property
    def landed(self) -> str:
        return f"{self.name}/landed"

    @property
    def features(self) -> str:
        return f"{self.name}.features"

    @property
    def bucket(self) -> str:
        return self.settings.s3.bucket

    @property
    def client(self) -> Any:
        return connect(self.settings.s3)

    def rows_of(self, day: str) -> list[list[str]]:
        """The sample's rows of a day, in the order of the feed's contract."""
        hours = forecast_hours if self.feed is FORECAST else actual_hours
        return [list(row) for row in hours(date.fromisoformat(day))]

    def csv(self, rows: Iterable[Iterable[str]], header: Iterable[str] | None = None, *, mark: str = ",") -> bytes:
        lines = [header or self.feed.contract.names, *rows]
        return "".join(mark.join(line) + "\n" for line in lines).encode()

    def land(self, day: str, content: bytes | None = None, name: str = "hours.csv") -> str:
        """Put an object (the sample's rows by default) into a day's folder; gives its address as Spark has it."""
        key = f"{self.landed}/dt={day}/{name}"
        body = self.csv(self.rows_of(day)) if content is None else content
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3a://{self.bucket}/{key}"

    def argv(self, days: str, *more: str) -> list[str]:
        """The command line of the ETL job for some days."""
        tables = {
            "landing": replace(self.feed.landing, prefix=self.landed).place_json(),
            "features": f"{self.features}/dt={{partition}}",
            "quarantine": f"{self.name}.quarantine/dt={{partition}}",
        }
        job = Job(name="features", arguments={**self.feed.features.arguments, **tables})
        return [*job.argv(partition=days), *more, "--lake", self.settings.lake]

    def run(self, days: str, *more: str) -> dict[str, Any]:
        """Run the ETL job on the module's session."""
        from spark_jobs.__main__ import run

        return run(self.argv(days, *more), self.spark)

    def table(self, name: str) -> "DataFrame":
        return self.spark.read.format("delta").load(f"{self.settings.lake}/{self.name}/{name}")

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table, in their order."""
        return sorted(tuple(row) for row in self.table(table).select(*columns).collect())

    def reasons(self) -> dict[str, list[str]]:
        """Partition -> the reasons of its quarantined rows, sorted."""
        reasons: dict[str, list[str]] = {}
        for row in self.table("quarantine").collect():
            reasons.setdefault(str(row.dt), []).append("; ".join(row.reasons))
        return {partition: sorted(texts) for partition, texts in sorted(reasons.items())}

    def clear(self) -> None:
        """Remove every object of the corner."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.name}/"):
            for found in page.get("Contents", ()):
                self.client.delete_object(Bucket=self.bucket, Key=found["Key"])


@pytest.fixture(scope="module")
def keys(stack: Any) -> Iterator[None]:
    """The stack's S3 keys in the environment, where a job looks for them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "LANDFALL_S3_ENDPOINT"):
            patch.setenv(name, stack.env[name])
        yield


@pytest.fixture(scope="module")
def corner(stack: Any, spark: "SparkSession", keys: None) -> Iterator[Corner]:
    """A corner for files of the forecast feed."""
    one = Corner(stack.settings, spark, f"test_{uuid.uuid4().hex[:8]}")
    yield one
    one.clear()


@pytest.fixture(scope="module")
def actuals(stack: Any, spark: "SparkSession", keys: None) -> Iterator[Corner]:
    """A corner for files of the actuals feed."""
    one = Corner(stack.settings, spark, f"test_{uuid.uuid4().hex[:8]}", ACTUALS)
    yield one
    one.clear()


CornerOf = Callable[..., Corner]


@pytest.fixture(scope="module")
def corner_of(stack: Any, spark: "SparkSession", keys: None) -> Iterator[CornerOf]:
    """Makes corners for feeds without a transform: `corner_of(contract, file_format, hourly=False, timezone="UTC")`."""
    made: list[Corner] = []

    def make(contract: Contract, file_format: FileFormat, *, hourly: bool = False, timezone: str = "UTC") -> Corner:
        folder = "dt=%Y-%m-%d/hr=%H" if hourly else "dt=%Y-%m-%d"
        landing = Landing(prefix="a", format=file_format, folder_format=folder, timezone=timezone)
        table = replace(FORECAST.table, calendar=landing.calendar)
        feed = replace(FORECAST, landing=landing, contract=contract, table=table, transform=None)
        made.append(Corner(stack.settings, spark, f"test_{uuid.uuid4().hex[:8]}", feed))
        return made[-1]

    yield make
    for one in made:
        one.clear()


RIDES = Learner(
    features=("hr", "temp", "workingday"),
    estimator=Estimator(kind="random_forest", task="regression", parameters={"numTrees": 3, "maxDepth": 4}),
    label="cnt",
)
"""A tiny forest of the rows of `Learning`."""


@dataclass
class Learning(Corner):
    """A corner with tables to learn from, and the jobs that do it."""

    def hours(self, days: int, **more: str) -> "DataFrame":
        """24 rows a day from 2012-06-01 on: what a model can learn from, and `more` columns as SQL."""
        start = datetime(2012, 6, 1, tzinfo=UTC)
        rows = [
            (
                start + timedelta(hours=n),
                (start + timedelta(hours=n)).date(),
                n % 24,
                0.5 + 0.4 * math.sin(n / 24 + n % 24 / 4),
                int((start + timedelta(hours=n)).weekday() < 5),
                ("clear", "mist", "rain")[n * n % 3 if n % 5 else 2],
                float((n % 24) * 7 + (n * 37) % 11),
            )
            for n in range(24 * days)
        ]
        names = "time timestamp, dt date, hr int, temp double, workingday int, sky string, cnt double"
        made = self.spark.createDataFrame(rows, names)
        return made.selectExpr("*", "IF(cnt > 80, 1, 0) AS busy", *(f"{sql} AS {name}" for name, sql in more.items()))

    def write(self, name: str, rows: "DataFrame", *, files: int = 1) -> str:
        """Replace a table of the corner, in so many files a day; gives its name."""
        writer = rows.repartition(files).write.format("delta").mode("overwrite").partitionBy("dt")
        writer.option("overwriteSchema", "true").save(f"{self.settings.lake}/{self.name}/{name}")
        return f"{self.name}.{name}"

    def folder(self, name: str) -> str:
        """Where a model of the corner is."""
        return f"{self.settings.lake}/{self.name}/models/{name}"

    def digest(self, name: str) -> str:
        """The SHA-256 of its pickle; empty if it is none."""
        from spark_jobs.files import list_files, read_file

        files = list_files(self.folder(name), "model.pkl")
        return hashlib.sha256(read_file(files[0])).hexdigest() if files else ""

    def train(self, table: str, name: str, learner: Learner = RIDES, days: str = "", **more: str) -> dict[str, Any]:
        """Train `name` and its judged sibling `name_judged`; the report."""
        from spark_jobs.__main__ import run

        folders = {"model": self.folder(name), "judged": self.folder(f"{name}_judged")}
        arguments = {"features": f"{table}/dt={days}", "learner": learner.to_json(), **folders}
        argv = Job(name="train_model", arguments=arguments).argv(partition="", **more)
        return run([*argv, "--lake", self.settings.lake], self.spark)

    def by(self, kind: str, task: Task = "regression", **changes: Any) -> Learner:
        """`RIDES` with another estimator; `parameters`, `grid` and `library` are the estimator's."""
        own = {name: changes.pop(name) for name in ("parameters", "grid", "library") if name in changes}
        label = {"classification": "busy", "clustering": ""}.get(task, "cnt")
        estimator = Estimator(kind=kind, task=task, **own)
        return replace(RIDES, **{"label": label, "estimator": estimator, **changes})


@pytest.fixture(scope="module")
def learning(stack: Any, spark: "SparkSession", keys: None) -> Iterator[Learning]:
    """A corner to learn in."""
    one = Learning(stack.settings, spark, f"test_{uuid.uuid4().hex[:8]}")
    yield one
    one.clear()
