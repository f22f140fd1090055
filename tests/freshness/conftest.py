"""What the tests of freshness share: predictions and MLflow's registry in one real PostgreSQL, and models to promote."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from landfall.models.registry import registry, set_champion
from landfall.models.version import Snapshot
from landfall.pipelines.bike_demand import BIKE_DEMAND, PREDICTIONS, TRAINING
from landfall.publishing import Fingerprint, Published, open_publication, publish
from landfall.spec import Partition, Partitions, Pipeline, Settings

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="session")
def settings(local_settings: Settings) -> Settings:
    """Predictions and registry on one server, artifacts in a folder, code of no commit."""
    return replace(local_settings, code_version="unknown")


@pytest.fixture
def connection(settings: Settings) -> Iterator[Callable[[], Connection]]:
    """Opens connections as `landfall.database.connect` does; all are closed at the end."""
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(psycopg.connect(settings.database_url, autocommit=True, options="-c TimeZone=UTC"))
        return opened[-1]

    yield connect
    for conn in opened:
        conn.close()


@pytest.fixture
def conn(connection: Callable[[], Connection]) -> Connection:
    return connection()


def snapshot(first: str, last: str, *, held: int = 2) -> Snapshot:
    """Every day from `first` to `last`, the last `held` of them held out."""
    days = Partitions.between(Partition.parse(first), Partition.parse(last))
    return Snapshot(
        table="features.test",
        version=3,
        first=days.days[0],
        last=days.days[-1],
        days=len(days),
        partitions=days,
        judged_until=days.days[-1 - held] if held else None,
        rows=24 * len(days),
    )


@dataclass(frozen=True)
class Models:
    """Makes registered models without training any."""

    settings: Settings

    @property
    def place(self) -> str:
        """Where a version of this project's would lie."""
        return f"{self.settings.mlflow_artifacts}/a/model"

    def new(self, *until: str, metrics: dict[str, float] | None = None) -> str:
        """A model with a version for each day of `until`, which is the last that it learnt from; none serves."""
        name = f"test_{uuid.uuid4().hex[:8]}"
        with registry(self.settings) as client:
            client.create_registered_model(name)
        for last in until:
            self.add(name, last, metrics=metrics)
        return name

    def add(self, name: str, last: str, *, metrics: dict[str, float] | None = None) -> str:
        """One more version that learnt from January 2012 to `last`; an empty `last`: it says nothing of a snapshot."""
        tags = {"landfall.snapshot": snapshot("2012-01-01", last).version_tag} if last else {}
        with registry(self.settings) as client:
            run = client.create_run("0")
            for key, value in (metrics or {}).items():
                client.log_metric(run.info.run_id, key, value)
            made = client.create_model_version(name, self.place, run.info.run_id, tags=tags)
        return str(made.version)

    def set_in_mlflow(self, name: str, version: str) -> None:
        """What a person does on MLflow's own page."""
        set_champion(self.settings, name, version)


@pytest.fixture
def models(settings: Settings) -> Models:
    return Models(settings)


@pytest.fixture
def new_snapshot() -> Callable[..., Snapshot]:
    """Makes snapshots."""
    return snapshot


@dataclass(frozen=True)
class Hours:
    """A pipeline whose model and table no other test has, and its table as readers see it."""

    conn: Connection
    pipeline: Pipeline

    def publish(self, day: str, version: str, predicted: float) -> Published:
        """One hour of `day`, predicted by `version`."""
        partition = Partition.parse(day)
        made_from = Fingerprint(objects={f"{day}.csv": "e"}, code_version="c", model_version=version, contract="1")
        opened = open_publication(
            self.conn, self.pipeline.table, partition, run_id="r", model_version=version, fingerprint=made_from
        )
        row = [f"{day}T12:00Z", predicted]
        self.conn.execute(f"INSERT INTO {opened.staging} VALUES ('Washington', 'D.C.', %s, %s)", row)
        self.conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [opened.id])
        return publish(self.conn, opened, expected_rows=1)

    def seen(self) -> list[tuple[Any, ...]]:
        """Every row with every column."""
        return list(self.conn.execute(f"SELECT * FROM {self.pipeline.table.name} ORDER BY time"))


@pytest.fixture
def hours(conn: Connection) -> Callable[[str], Hours]:
    """Makes the pipeline of a model."""

    def make(name: str) -> Hours:
        table = replace(PREDICTIONS, name=f"predictions.{name}")
        forecast, actuals = BIKE_DEMAND.feed("forecast"), BIKE_DEMAND.feed("actuals")
        feeds = (
            replace(forecast, pipeline=name, table=table, model=name),
            replace(actuals, pipeline=name, held_against=table),
        )
        training = replace(TRAINING, model=name, feed=next(each for each in feeds if each.name == TRAINING.feed.name))
        return Hours(conn, replace(BIKE_DEMAND, name=name, feeds=feeds, training=training, table=table))

    return make
