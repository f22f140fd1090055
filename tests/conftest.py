"""What the whole suite shares: one embedded stack, started by the first test that needs it, and the command line."""

import gc
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from landfall.cli.stack import as_json
from landfall.database import migrate
from landfall.models.registry import champion_version
from landfall.pipelines.bike_demand import TRAINING
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec.settings import S3, Settings
from landfall.stack import environment
from landfall.stack.state import StackState

Landfall = Callable[..., "subprocess.CompletedProcess[str]"]
SLOW = (
    "ledger/test_held_runs", "deploy/test_stock_airflow", "docs/test_guides", "streams/test_exactly_once",
    "orchestration/test_kept_fresh", "starting/test_own_project", "changes/test_story", "cli/test_partitions",
    "training/test_train_model",
    "compute/test_every_target", "compute/test_cluster", "runs/test_runs_in_airflow", "stack/test_kafka", "docs/test_notebooks",
    "cli/test_runs", "streams/test_versions", "etl/test_contract_changes", "stack/test_heal", "stack/test_life",
    "training/test_judge_models", "orchestration/test_hours", "models/test_registry", "orchestration/test_bad_input",
    "stranger/test_mlflow", "training/test_measure_drift", "scoring/test_predict", "compute/test_databricks",
    "scoring/test_spark_models", "etl/test_bombs", "browser/test_airflow_ui", "streams/test_from_the_command_line",
    "orchestration/test_joined_feeds", "ledger/test_every_landing", "stack/test_two_triggerers",
)  # fmt: skip
"""The files that take longest, longest first. They are run first, so that two processes end at about the same time. The first two
need a model, so each process trains its own before its stack has other data."""


CALM = {
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
}
"""Two schedulers that look for work ten times a second, and two DAG processors that read every file each half minute, take most
of a core from the tests of a machine with two. A file that was edited is read at once all the same."""


def run_landfall(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs `landfall ARGUMENTS` on the stack of `home`; never raises for its exit code."""
    clean = {name: value for name, value in os.environ.items() if name not in environment(home)}
    return subprocess.run(
        [sys.executable, "-c", "from landfall.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        env={**clean, "LANDFALL_HOME": str(home), **variables},
    )


@dataclass(frozen=True)
class Stack:
    """A stack that is up."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        """The variables that it wrote."""
        return environment(self.home)

    @property
    def settings(self) -> Settings:
        return Settings.read(self.env)

    @property
    def superuser(self) -> str:
        """Where the superuser of its Postgres connects: the role of the predictions may make no database."""
        password = json.loads((self.home / "secrets.json").read_text())["postgres"]
        parts = conninfo_to_dict(self.settings.database_url)
        return make_conninfo(**{**parts, "user": "postgres", "password": password, "dbname": "postgres"})

    def ps(self) -> list[dict[str, object]]:
        """Its parts, as `landfall ps --json` lists them, without starting the program each time."""
        state = StackState.read(self.home / "state.json")
        assert state is not None
        return [as_json(part) for part in state.parts]


def pause_audit(stack: Stack, *, paused: bool = True) -> None:
    """Keeps the audit from running what a test has landed and wants to run itself; the audit's own tests unpause it."""
    if "LANDFALL_AIRFLOW_URL" not in stack.env or not any(part["name"] == "api-server" for part in stack.ps()):
        return
    api, until = AirflowApi(stack.settings), time.monotonic() + 600
    while not api.http.patch("/api/v2/dags/landing_audit", json={"is_paused": paused}).is_success:
        assert time.monotonic() < until, "Airflow does not know the DAG landing_audit"
        time.sleep(0.5)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack with data of its own, for the tests of one process. LANDFALL_TEST_HOME names one that is up already."""
    if named := os.environ.get("LANDFALL_TEST_HOME"):
        assert "PYTEST_XDIST_WORKER" not in os.environ, "two processes cannot share the stack of LANDFALL_TEST_HOME"
        pause_audit(Stack(Path(named)))
        yield Stack(Path(named))
        return
    one = Stack(tmp_path_factory.mktemp("stack"))
    try:
        up = ("up", "--with", "databricks", "--with", "cdc")
        started = run_landfall(one.home, *up, **CALM)
        if started.returncode:  # once more, as a person would: a failed fixture fails every test after it
            started = run_landfall(one.home, *up, **CALM)
        assert started.returncode == 0, started.stdout + started.stderr
        pause_audit(one)
        yield one
    finally:
        run_landfall(one.home, "down")


@pytest.fixture(scope="session")
def calm() -> dict[str, str]:
    """What a stack beside the suite's is started with."""
    return CALM


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes databases without any table, gives their URLs, as the server's superuser (`Stack.superuser`), and drops them at the
    end; on LANDFALL_TEST_DATABASE_URL's server, else on the stack's.
    """
    server = os.environ.get("LANDFALL_TEST_DATABASE_URL") or request.getfixturevalue("stack").superuser
    parts, names = conninfo_to_dict(server), list[sql.Identifier]()
    with psycopg.connect(server, autocommit=True) as admin:

        def make() -> str:
            name = f"test_{uuid.uuid4().hex[:8]}"
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            names.append(sql.Identifier(name))
            return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{name}"

        yield make
        for name in names:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def database_url(new_database: Callable[[], str]) -> str:
    """URL of a database with Landfall's own tables, which the tests of a session share."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        migrate(conn)
    return url


@pytest.fixture
def emptied(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to that database, in UTC; Landfall's tables are empty, and there is no prediction table."""
    query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'landfall' AND tablename <> 'migrations'"
    with psycopg.connect(database_url, autocommit=True, options="-c TimeZone=UTC") as conn:
        tables = [sql.Identifier(*row) for row in conn.execute(query)]
        conn.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(tables)))
        conn.execute("SET client_min_messages = warning")
        conn.execute("DROP SCHEMA IF EXISTS predictions, publications_data CASCADE; CREATE SCHEMA publications_data")
        conn.execute("RESET client_min_messages")
        yield conn


@pytest.fixture(scope="session")
def registry_url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a database with MLflow's tables, beside that of the predictions; dropped afterwards."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    server, _, predictions = database_url.rpartition("/")
    name = sql.Identifier(f"{predictions}_mlflow")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            url = f"{server}/{predictions}_mlflow".replace("postgresql://", "postgresql+psycopg2://", 1)
            SqlAlchemyStore(url, tmp_path_factory.mktemp("mlflow").as_uri())
            yield url
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def local_settings(database_url: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A registry without S3 and without Spark."""
    return Settings(
        s3=S3(bucket="unused"),
        database_url=database_url,
        mlflow_tracking_uri=registry_url,
        mlflow_artifacts=str(tmp_path_factory.mktemp("artifacts")),
        spark_remote="",
        airflow_url="",
        code_version="c0de",
    )


@pytest.fixture(scope="session")
def landfall(stack: Stack) -> Landfall:
    """Runs the command line on the suite's stack: `landfall("ps", "--json").stdout`."""
    return lambda *arguments, **variables: run_landfall(stack.home, *arguments, **variables)


@pytest.fixture(scope="session")
def trained(stack: Stack, landfall: Landfall, tmp_path_factory: pytest.TempPathFactory) -> None:
    """There is a champion: the one of the stack, else one that learns from 25 days of March 2012, before all other data."""
    if champion_version(stack.settings, TRAINING.model) is not None:
        return
    last = date(2012, 3, 25)
    files = {each.feed: each.path for each in write_sample("bike_demand", tmp_path_factory.mktemp("march"), 25, last)}
    for command in (("land", "bike_demand/actuals", str(files["actuals"])), ("train", "bike_demand", "--json")):
        done = landfall(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["promoted"], told["snapshot"]["days"]) == (True, 25)


def pytest_configure() -> None:
    """Nobody is alerted by a test, whatever the shell says that it was started in.

    Collecting imports about a million objects that stay. Going through them again and again took a fifth of that time.
    """
    os.environ.pop("LANDFALL_ALERTS", None)
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish() -> None:
    """No later round of the garbage collector goes through them."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that needs servers, so that `pytest -m "not stack"` is quick; puts the slow files first."""
    places = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(f"{item.path.parent.name}/{item.path.stem}", len(SLOW)))
    for item in items:
        if {
            "stack",
            "landfall",
            "small",
            "small_disk",
            "new_database",
            "database_url",
            "registry_url",
            "trained",
        } & set(getattr(item, "fixturenames", ())):
            item.add_marker("stack")
            item.add_marker(pytest.mark.timeout(1800))
