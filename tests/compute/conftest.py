"""What the suite of the compute targets shares: a real standalone cluster, and one way to run a job on each target."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pyspark
import pytest
from airflow.sdk.module_loading import import_string

from landfall.compute.local.warm import WarmSpark
from landfall.compute.remote import RESUME, RemoteJob
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import FORECAST
from landfall.samples.bike_demand import forecast_hours
from landfall.spec import Partition, Settings

SECRET = Path(__file__).parents[2] / "docker" / "spark_secret.py"
TARGETS = ["local", "cluster", "databricks"]
DAY = "2012-12-25"
Json = dict[str, Any]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """A standalone master with one worker of two cores."""

    master: str
    web: str
    secret: str

    def applications(self, which: str = "activeapps") -> list[str]:
        """The names of its applications: `activeapps` or `completedapps`."""
        return [each["name"] for each in httpx.get(f"{self.web}/json/").json()[which]]


@pytest.fixture(scope="session")
def cluster(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Started from the pyspark wheel with a secret, as docker-compose does, and stopped by process id."""
    folder = tmp_path_factory.mktemp("cluster")
    home, port, web = Path(pyspark.__path__[0]), free_port(), free_port()
    env = {**os.environ, "JAVA_HOME": stack.env["JAVA_HOME"], "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1",
           "LANDFALL_SPARK_SECRET": (secret := uuid.uuid4().hex)}  # fmt: skip
    one, where = "org.apache.spark.deploy", ["--host", "127.0.0.1"]
    made = Cluster(f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{web}", secret)
    commands = (
        [f"{one}.master.Master", *where, "--port", str(port), "--webui-port", str(web)],
        [f"{one}.worker.Worker", *where, "--webui-port", str(free_port()), "--cores", "2", "--memory", "2g",
         "--work-dir", str(folder / "work"), made.master],
    )  # fmt: skip
    running = []
    try:
        for words in commands:
            log = (folder / f"{words[0].rpartition('.')[2]}.log").open("wb")
            command = [sys.executable, str(SECRET), str(home / "bin" / "spark-class"), *words]
            env["SPARK_CONF_DIR"] = str(folder / words[0].rpartition(".")[2])
            running.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True))
        until("the worker has a master", lambda: _workers(made.web) == 1)
        yield made
    finally:
        for process in reversed(running):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(what: str, true: Callable[[], bool], patience: float = 120) -> None:
    """Waits; never a measure of speed."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, f"{what}: not after {patience:.0f} s"
        time.sleep(0.2)


def _workers(web: str) -> int:
    try:
        return int(httpx.get(f"{web}/json/").json()["aliveworkers"])
    except (httpx.HTTPError, ValueError):
        return 0


class State(dict[str, Any]):
    """A task's state, as Airflow keeps it between its tries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


@dataclass
class Task:
    """What a step knows of its task."""

    run_id: str
    max_tries: int = 4
    state: State = field(default_factory=State)
    told: dict[str, Any] = field(default_factory=dict)

    def context(self) -> Any:
        ti = SimpleNamespace(dag_id="bike_forecast", run_id=self.run_id, task_id="score", max_tries=self.max_tries)
        ti.xcom_push = lambda key, value: self.told.update({key: value})
        return {"ti": ti, "task_state_store": self.state}

    def asked(self, target: str, argv: list[str]) -> None:
        """As a worker leaves it that has died while its job runs."""
        from landfall.compute.remote import ASKED

        ask = {"argv": argv, "memo": {}}
        self.state.set(ASKED, {"ask": ask, "tries": self.max_tries, "target": target, "token": f"t-{self.run_id}"})


@dataclass
class Place:
    """One target, and how a job is run there."""

    name: str
    settings: Settings

    def run(self, argv: list[str], task: Task | None = None) -> Mapping[str, Any]:
        """Run one job as a step does; its report."""
        if self.name == "local":
            return WarmSpark(remote=self.settings.spark_remote, lake=self.settings.lake).run(argv)
        from airflow.sdk.exceptions import TaskDeferred

        task = task or Task(f"test_{uuid.uuid4().hex[:8]}")
        job = RemoteJob(task.context(), self.settings, self.name, argv[0], small=True)
        known = job.known()
        try:
            return job.run({"argv": argv, "memo": {}}, again=known is not None)
        except TaskDeferred as deferred:
            return self.wait(deferred, task, argv[0])

    def wait(self, deferred: Any, task: Task, job: str) -> Mapping[str, Any]:
        """What the triggerer does, and then another worker: all that is left of the first one is what it deferred with."""
        from airflow.sdk.exceptions import TaskDeferred

        assert deferred.method_name == RESUME
        left = json.loads(json.dumps(deferred.kwargs))
        event = asyncio.run(fired(deferred.trigger))
        other = RemoteJob(task.context(), self.settings, left["target"], job, small=True)
        try:
            return other.resume(left["ask"], left["method"], event)
        except TaskDeferred as again:
            return self.wait(again, task, job)


async def fired(trigger: Any) -> Any:
    """What a trigger tells, made anew from what is kept of it in Airflow's database."""
    name, kept = trigger.serialize()
    async for event in import_string(name)(**kept).run():
        return event.payload
    raise AssertionError("the trigger told nothing")


@pytest.fixture
def databricks_elsewhere(stack: Any) -> Place:
    """A workspace that the test connects to."""
    return Place("databricks", replace(stack.settings, compute={"": "databricks"}))


@pytest.fixture
def databricks(databricks_elsewhere: Place, stack: Any, monkeypatch: pytest.MonkeyPatch) -> Place:
    """MiniLake, with the connection that Airflow has to it."""
    monkeypatch.setenv("AIRFLOW_CONN_LANDFALL_DATABRICKS", stack.env["AIRFLOW_CONN_LANDFALL_DATABRICKS"])
    return databricks_elsewhere


@pytest.fixture
def elsewhere(cluster: Cluster, stack: Any, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The cluster, with the connection that Airflow has to it."""
    address = f"spark://{cluster.master.removeprefix('spark://')}"
    monkeypatch.setenv("AIRFLOW_CONN_LANDFALL_SPARK", _connection(address, cluster.web))
    monkeypatch.setenv("JAVA_HOME", stack.env["JAVA_HOME"])
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    return Place("cluster", replace(stack.settings, compute={"": "cluster"}, spark_secret=cluster.secret))


def _connection(master: str, web: str) -> str:
    host, _, port = master.rpartition(":")
    return json.dumps({"conn_type": "spark", "host": host, "port": int(port), "extra": {"webui": web}})


@pytest.fixture(params=TARGETS)
def place(request: pytest.FixtureRequest, stack: Any, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each target in turn."""
    if request.param == "local":
        for name, value in stack.settings.of_jobs.items():  # as a worker of Airflow has them
            monkeypatch.setenv(name, value)
        return Place("local", stack.settings)
    found: Place = request.getfixturevalue("elsewhere" if request.param == "cluster" else request.param)
    return found


@pytest.fixture
def new_task() -> Callable[..., Task]:
    """Makes tasks."""
    return lambda **more: Task(f"test_{uuid.uuid4().hex[:8]}", **more)


@pytest.fixture
def wait_until() -> Callable[[str, Callable[[], bool]], None]:
    """Waits for what is to come."""
    return until


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    return free_port()


class Corner:
    """A landed day and tables that no other test has."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.name = settings, f"test_{uuid.uuid4().hex[:8]}"
        self.client: Any = connect(settings.s3)

    def land(self) -> None:
        rows = [FORECAST.contract.names, *forecast_hours(Partition.parse(DAY).day)]
        body = "".join(",".join(row) + "\n" for row in rows).encode()
        self.client.put_object(Bucket=self.settings.s3.bucket, Key=f"{self.name}/dt={DAY}/hours.csv", Body=body)

    def features(self, table: str, day: str = DAY) -> list[str]:
        """The command line of the ETL job, into a table of its own."""
        feed = replace(
            FORECAST,
            landing=replace(FORECAST.landing, prefix=self.name),
            features_table=f"{self.name}.{table}",
            quarantine_table=f"{self.name}.{table}_q",
        )
        return feed.features.argv(partition=day)

    def clear(self) -> None:
        bucket = self.settings.s3.bucket
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{self.name}/"):
            for found in page.get("Contents", ()):
                self.client.delete_object(Bucket=bucket, Key=found["Key"])


@pytest.fixture(scope="module")
def corner(stack: Any) -> Iterator[Corner]:
    one = Corner(stack.settings)
    one.land()
    yield one
    one.clear()


@pytest.fixture
def slow_job(corner: Corner) -> list[str]:
    """A job that takes some seconds, and tells that there is no table `none`."""
    staged = ["--model", "m", "--model-version", "1", "--stages", f"{DAY}=publications_data.none#1"]
    return [
        "predictions",
        "--key",
        "time",
        "--predicted",
        "predicted",
        "--features",
        f"{corner.name}.none/dt={DAY}",
        *staged,
    ]
