"""What a target costs over a bare call of the same job: spark-submit for a cluster, the official SDK for Databricks.

    python benchmarks/remote_overhead.py [--turns 5] [--tasks 5]

First part, without Airflow's servers: the ETL job of a day, into a table of its own each time, by Landfall (prepared and
submitted as a step does it, waited for by the provider's operator and trigger, its report fetched) and barely, in turns. The
cluster is a standalone master and worker from the pyspark wheel; the workspace is MiniLake, whose jobs run on this machine.
A Databricks run's bare time is until the service says that it has ended; Landfall asks once a second there.

Second part, in a whole Airflow: days land, and `make_features` of `bike_forecast` runs on MiniLake. Measured are the times
that the job is not running: from the landing's wait to the run's start, and from the run's end to the end of the task.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pyspark

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

from landfall.objects.client import connect
from landfall.pipelines.bike_demand import FORECAST
from landfall.runs import AirflowApi
from landfall.samples.bike_demand import forecast_hours
from landfall.spec import Partition, Settings
from landfall.stack import control, environment, settings

DAY = Partition.parse("2012-12-25")
FIRST = date(2013, 3, 1)
MASTER, WEB, WORKER = 27077, 28080, 28081


def until(what: str, ready: Callable[[], bool], patience: float = 300) -> None:
    """Ask five times a second."""
    limit = time.monotonic() + patience
    while not ready():
        if time.monotonic() > limit:
            raise TimeoutError(f"{what}: not after {patience} s")
        time.sleep(0.2)


@contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """A master with a worker of two cores; the Airflow connection to it, as JSON."""
    home = Path(pyspark.__path__[0])
    os.environ["PYSPARK_PYTHON"] = sys.executable
    env = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    deploy, where = "org.apache.spark.deploy", ["--host", "127.0.0.1"]
    started = []
    try:
        for words in (
            [f"{deploy}.master.Master", *where, "--port", str(MASTER), "--webui-port", str(WEB)],
            [f"{deploy}.worker.Worker", *where, "--webui-port", str(WORKER), "--cores", "2", "--memory", "2g",
             "--work-dir", str(folder / "work"), f"spark://127.0.0.1:{MASTER}"],
        ):  # fmt: skip
            command = [str(home / "bin" / "spark-class"), *words]
            with (folder / f"{words[0].rpartition('.')[2]}.log").open("wb") as log:
                started.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True))
        until("the worker has a master", lambda: alive() == 1)
        extra = {"webui": f"http://127.0.0.1:{WEB}"}
        yield json.dumps({"conn_type": "spark", "host": "spark://127.0.0.1", "port": MASTER, "extra": extra})
    finally:
        for each in reversed(started):
            each.kill()
            each.wait()


def alive() -> int:
    """Workers that the master has."""
    try:
        return int(httpx.get(f"http://127.0.0.1:{WEB}/json/").json()["aliveworkers"])
    except (httpx.HTTPError, ValueError):
        return 0


def command_line() -> list[str]:
    """The ETL job of the day, into tables that no other has."""
    mark, argv = f"bench_{uuid.uuid4().hex[:8]}", FORECAST.features.argv(partition=str(DAY))
    own = {"--features": f"{mark}.features/dt={DAY}", "--quarantine": f"{mark}.quarantine/dt={DAY}"}
    return [own.get(argv[at - 1], word) if at else word for at, word in enumerate(argv)]


def by_landfall(where: Settings, target: str) -> float:
    """Seconds that the job takes as a step runs it."""
    from airflow.sdk.exceptions import TaskDeferred

    from landfall.compute.remote import RemoteJob

    ti = SimpleNamespace(dag_id="bike_forecast", run_id=uuid.uuid4().hex, task_id="make_features", max_tries=0)
    ti.xcom_push = lambda key, value: None
    context: Any = {"ti": ti}
    argv, began = command_line(), time.monotonic()
    job = RemoteJob(context, where, target, argv[0], small=True)
    try:
        job.run({"argv": argv, "memo": {}}, again=False)
    except TaskDeferred as deferred:
        left: Any = deferred.kwargs
        RemoteJob(context, where, target, argv[0], small=True).resume(
            left["ask"], left["method"], asyncio.run(fired(deferred.trigger))
        )
    return time.monotonic() - began


async def fired(trigger: Any) -> Any:
    """What the trigger tells."""
    async for event in trigger.run():
        return event.payload
    raise RuntimeError("the trigger told nothing")


def by_spark_submit(where: Settings, folder: Path) -> float:
    """Seconds that spark-submit takes with the same words, by itself."""
    from landfall.compute.cluster.submission import submission
    from landfall.compute.target import Order

    name = f"bare-{uuid.uuid4().hex[:8]}"
    order = Order(
        settings=where,
        argv=command_line(),
        small=True,
        report=f"{where.lake}/_jobs/{name}.json",
        name=name,
        token=name,
    )
    what = submission(order, folder)
    conf = [word for option, value in what.conf.items() for word in ("--conf", f"{option}={value}")]
    command = [str(Path(sys.executable).parent / "spark-submit"), "--master", f"spark://127.0.0.1:{MASTER}", *conf,
               "--name", what.name, "--py-files", what.py_files, what.application, *what.arguments]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(command, env={**os.environ, **what.environment}, capture_output=True, check=False)
    took = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-500:])
    return took


def by_the_sdk(where: Settings) -> float:
    """Seconds from the SDK's call until the service says that the run has ended."""
    from databricks.sdk.service import jobs

    from landfall.compute.databricks.workspace import Workspace
    from landfall.compute.target import Order

    client, name = workspace(), f"bare-{uuid.uuid4().hex[:8]}"
    told = json.loads(os.environ["AIRFLOW_CONN_LANDFALL_DATABRICKS"])["extra"]
    report = f"{where.lake}/_jobs/{name}.json"
    order = Order(settings=where, argv=command_line(), small=True, report=report, name=name, token=name)
    body = Workspace.read(told).submitted(order)
    began = time.time()
    run = client.jobs.submit(run_name=name, tasks=[jobs.SubmitTask.from_dict(each) for each in body["tasks"]])
    found = client.jobs.get_run(run.run_id)
    while found.state.result_state is None:
        time.sleep(0.1)
        found = client.jobs.get_run(run.run_id)
    if found.state.result_state.value != "SUCCESS":
        raise RuntimeError(f"{found.state}")
    return float(found.end_time) / 1000 - began


def workspace() -> Any:
    """The official SDK, on MiniLake."""
    from databricks.sdk import WorkspaceClient

    told = json.loads(os.environ["AIRFLOW_CONN_LANDFALL_DATABRICKS"])
    return WorkspaceClient(host=f"http://127.0.0.1:{told['port']}", token=told["password"])


def land(where: Settings, day: Partition) -> None:
    """A day of forecasts."""
    rows = [FORECAST.contract.names, *forecast_hours(day.day)]
    body = "".join(",".join(row) + "\n" for row in rows).encode()
    key = f"{FORECAST.landing.prefix}/dt={day}/hours.csv"
    client: Any = connect(where.s3)
    client.put_object(Bucket=where.s3.bucket, Key=key, Body=body)


def bare_and_ours(turns: int, folder: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Target -> seconds of the bare call, and of Landfall's."""
    control.up(["postgres", "s3", "spark", "databricks"])
    try:
        os.environ |= environment()
        where = settings()
        land(where, DAY)
        told: dict[str, tuple[list[float], list[float]]] = {"databricks": ([], []), "cluster": ([], [])}
        for turn in range(turns + 1):  # the first warms up
            one, other = by_the_sdk(where), by_landfall(where, "databricks")
            print(f"databricks: {one:.1f} s bare, {other:.1f} s", flush=True)
            if turn:
                told["databricks"][0].append(one)
                told["databricks"][1].append(other)
        with standalone(folder) as connection:
            os.environ["AIRFLOW_CONN_LANDFALL_SPARK"] = connection
            for turn in range(turns + 1):
                one, other = by_spark_submit(where, folder), by_landfall(where, "cluster")
                print(f"cluster: {one:.1f} s bare, {other:.1f} s", flush=True)
                if turn:
                    told["cluster"][0].append(one)
                    told["cluster"][1].append(other)
        return told
    finally:
        control.down()


def has_ended(api: AirflowApi, run_id: str) -> bool:
    """Whether `make_features` of a run has ended."""
    return "make_features" in ended(api, run_id)


def in_airflow(tasks: int) -> tuple[list[float], list[float], list[float]]:
    """Of `make_features` on MiniLake, seconds: from the wait's end to the run's start, the run, from its end to the task's."""
    os.environ["LANDFALL_COMPUTE_BIKE_FEATURES"] = "databricks"
    control.up([], extra=["databricks"])
    try:
        os.environ |= environment()
        where, before, during, after = settings(), [], [], []
        api, client = AirflowApi(where), workspace()
        until("the audit is paused", lambda: pause(api))
        for number in range(tasks + 1):
            day = Partition(FIRST + timedelta(number))
            land(where, day)
            run_id = api.run_partition("bike_forecast", day)
            until("make_features has ended", partial(has_ended, api, run_id))
            times = ended(api, run_id)
            run = max(client.jobs.list_runs(), key=lambda each: each.run_id)
            start, end = run.start_time / 1000, run.end_time / 1000
            figures = start - times["wait_for_landing"], end - start, times["make_features"] - end
            print(f"{day}: {figures[0]:.2f} s before, {figures[1]:.1f} s, {figures[2]:.2f} s after", flush=True)
            if number:
                for values, figure in zip((before, during, after), figures, strict=True):
                    values.append(figure)
        return before, during, after
    finally:
        control.down()


def pause(api: AirflowApi) -> bool:
    """The audit leaves the benchmark's days to it."""
    return api.http.patch("/api/v2/dags/landing_audit", json={"is_paused": True}).is_success


def ended(api: AirflowApi, run_id: str) -> dict[str, float]:
    """When each task succeeded, seconds since 1970."""
    found = api.tasks("bike_forecast", run_id)
    if failed := [each["task_id"] for each in found if each["state"] == "failed"]:
        raise RuntimeError(f"failed: {failed}")
    return {
        each["task_id"]: datetime.fromisoformat(each["end_date"]).timestamp()
        for each in found
        if each["state"] == "success"
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LANDFALL_HOME"] = f"{folder}/one"
        told = bare_and_ours(options.turns, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LANDFALL_HOME"] = f"{folder}/two"
        before, during, after = in_airflow(options.tasks)
    rows = []
    for target, bare in (("cluster", "spark-submit"), ("databricks", "the official SDK")):
        one, other = told[target]
        over = [ours - theirs for theirs, ours in zip(one, other, strict=True)]
        rows.append(f"| {target} | {bare} | {spread(one)} | {spread(other)} | {spread(over)} |")
    write(
        "remote_overhead",
        "A job elsewhere, over a bare call of the same job, seconds",
        [
            "Median (smallest to largest), in turns; the ETL job of a day, each time into a table of its own.",
            "",
            "| target | bare call | bare | Landfall | difference of each turn |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "In a whole Airflow, `make_features` on MiniLake, waited for in the triggerer:",
            "",
            "| from the landing's wait to the run's start | the run | from its end to the task's end |",
            "|---|---|---|",
            f"| {spread(before)} | {spread(during)} | {spread(after)} |",
            "",
            "Runs are asked for once a second there (`poll_seconds` of the emulated workspace; 10 by default), so an end is",
            "seen half a second late on average. The two cores are shared with everything else, the job's own Spark included.",
            "",
            "Made by `python benchmarks/remote_overhead.py`.",
        ],
    )


if __name__ == "__main__":
    main()
