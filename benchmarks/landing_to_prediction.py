"""From an object's landing to its prediction being readable, beside a plain Airflow DAG doing the same steps.

    python benchmarks/landing_to_prediction.py [--landings 20] [--plain 3]

Starts a stack of its own, trains on 60 sample days, then for each landing: starts the run, waits until it waits, and up to two
seconds more, so that the moment has nothing to do with when anything polls; PUTs the object and asks the table until the row
of 12:00 is there. The first two landings warm up and are not counted. The audit is
at work as always; the 60 days of actuals are read once beforehand (`--bulk`), so that it does not run them meanwhile. Where a
landing's time goes is read from its tasks: from the PUT to the end of the wait, each task, and the pause before it. The plain
DAG (`benchmarks/plain`) has the provider's S3KeySensor with its defaults and one spark-submit a step, on the same stack.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from report import quantile, spread, write

from landfall.database import connect as connect_database
from landfall.freshness import champion
from landfall.landing.by_hand.split import land
from landfall.landing.landed import iterate_landing
from landfall.objects.client import connect
from landfall.partitions import Bulk, Trip
from landfall.pipelines.bike_demand import ACTUALS, BIKE_DEMAND, FORECAST, TRAINING
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition, Partitions, Settings
from landfall.stack import control, settings

ROOT = Path(__file__).resolve().parent.parent
FIRST = date(2025, 6, 1)


def project(folder: Path) -> Path:
    """A project whose dags folder also has the plain DAG."""
    (folder / "dags").mkdir(parents=True)
    for dag in [*(ROOT / "dags").glob("*.py"), *(ROOT / "benchmarks" / "plain").glob("*.py")]:
        (folder / "dags" / dag.name).symlink_to(dag)
    for name in ("include", "spark_jobs", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def until(ready: Callable[[], bool], patience: float) -> None:
    """Ask every 20 ms."""
    limit = time.monotonic() + patience
    while not ready():
        if time.monotonic() > limit:
            raise TimeoutError(f"not ready after {patience} s")
        time.sleep(0.02)


def readable(where: Settings, query: str) -> Callable[[], bool]:
    """Asks whether `query` gives a row, on one connection."""
    connection = psycopg.connect(where.database_url, autocommit=True)

    def ask() -> bool:
        try:
            return connection.execute(query).fetchone() is not None
        except psycopg.errors.UndefinedTable:
            return False

    return ask


def waits(api: AirflowApi, dag_id: str, run_id: str, task: str, state: str) -> Callable[[], bool]:
    """Asks whether the run's first task is waiting; one that is deferred, whether a triggerer has taken it."""

    def ask() -> bool:
        found = [each for each in api.tasks(dag_id, run_id) if each["task_id"] == task and each["state"] == state]
        return bool(found) and (state != "deferred" or bool(found[0]["triggerer_job"]))

    return ask


def phases(api: AirflowApi, run_id: str, put: datetime) -> dict[str, float]:
    """Where a run's time went since the PUT, in seconds: the end of the wait, each later task, and the pause before it."""
    tasks = sorted(api.tasks(FORECAST.dag_id, run_id), key=lambda each: str(each["end_date"]))
    took, before = {}, put
    for task in tasks:
        began, ended = (datetime.fromisoformat(str(task[name])) for name in ("start_date", "end_date"))
        if task is not tasks[0]:
            took[f"pause before {task['task_id']}"] = (began - before).total_seconds()
        took[str(task["task_id"])] = (ended - max(began, put)).total_seconds()
        before = ended
    return took


def one(where: Settings, api: AirflowApi, csv: Path, day: Partition) -> tuple[float, dict[str, float]]:
    """Seconds from the PUT of one day's forecast to its row in predictions.bike_demand, and where they went."""
    run_id = api.trigger(FORECAST.dag_id, partition=day)
    until(waits(api, FORECAST.dag_id, run_id, "wait_for_landing", "deferred"), 120)
    ask = readable(where, f"SELECT 1 FROM predictions.bike_demand WHERE time = '{day}T12:00Z'")
    time.sleep(random.uniform(0, 2))
    put, began = datetime.now(UTC), time.monotonic()
    land(connect(where.s3), where.s3.bucket, "bike_demand/forecast", csv, first=day, last=day)
    until(ask, 300)
    took = time.monotonic() - began
    api.wait(FORECAST.dag_id, run_id, lambda _: None)
    return took, phases(api, run_id, put)


def failed(api: AirflowApi, run_id: str) -> bool:
    """Whether a task of the plain run has failed; the wait for the run then raises with the reason."""
    return any(each["state"] == "failed" for each in api.tasks("bike_plain", run_id))


def plain(where: Settings, api: AirflowApi, csv: Path, day: Partition, model: str) -> float:
    """Seconds from the PUT of one day's forecast to its row in public.bike_plain."""
    run_id = api.trigger("bike_plain", conf={"day": str(day), "model": model})
    until(waits(api, "bike_plain", run_id, "wait", "running"), 120)
    time.sleep(5)
    ask = readable(where, f"SELECT 1 FROM public.bike_plain WHERE time = '{day}T12:00Z'")
    rows = csv.read_text().splitlines()
    body = "\n".join([rows[0], *(row for row in rows if f",{day}," in row)])
    began = time.monotonic()
    key = f"plain/forecast/dt={day}/hours.csv"
    connect(where.s3).put_object(Bucket=where.s3.bucket, Key=key, Body=body.encode(), ContentType="text/csv")  # type: ignore[arg-type]
    until(lambda: ask() or failed(api, run_id), 900)
    took = time.monotonic() - began
    api.wait("bike_plain", run_id, lambda _: None)
    return took


def measure(landings: int, peers: int, folder: Path) -> tuple[list[float], list[dict[str, float]], list[float]]:
    """The seconds of each landing, warm; where they went; and the seconds of each landing of the plain DAG."""
    where = settings()
    api = AirflowApi(where)
    files = {
        each.feed: each.path
        for each in write_sample("bike_demand", folder, 64 + landings, FIRST + timedelta(63 + landings))
    }
    land(
        connect(where.s3),
        where.s3.bucket,
        "bike_demand/actuals",
        files["actuals"],
        last=Partition(FIRST + timedelta(60)),
    )
    actuals = Bulk(Trip(where, BIKE_DEMAND, ACTUALS, "bulk"), tell=lambda _: None)
    keys = [each.key for each in iterate_landing(connect(where.s3), where.s3.bucket, ACTUALS.landing)]
    list(actuals.run(Partitions.of(filter(None, map(ACTUALS.landing.partition_of, keys)))))
    api.wait(TRAINING.dag_id, api.trigger(TRAINING.dag_id), lambda _: None)
    with connect_database(where) as conn:
        model = champion(where, conn, TRAINING.model)
    assert model is not None
    days = [Partition(FIRST + timedelta(61 + n)) for n in range(landings + 2)]
    ours, went = list[float](), list[dict[str, float]]()
    for day in days:
        took, parts = one(where, api, files["forecast"], day)
        ours.append(took)
        went.append(parts)
        print(f"landfall {day}: {took:.2f} s", flush=True)
    theirs: list[float] = []
    for day in days[:peers]:
        theirs.append(plain(where, api, files["forecast"], day, model.path))
        print(f"plain {day}: {theirs[-1]:.2f} s", flush=True)
    return ours[2:], went[2:], theirs


def _beside(ours: list[float], theirs: list[float]) -> list[str]:
    """The lines on the plain DAG, if it was measured."""
    if not theirs:
        return []
    return [
        f"| plain DAG | {len(theirs)} | {quantile(theirs, 0.5):.2f} | {quantile(theirs, 0.95):.2f} | {spread(theirs)} |",
        "",
        f"Ratio of the medians: {statistics.median(theirs) / statistics.median(ours):.1f}. Aim: p50 at most 6 s, p95 at"
        " most 10 s, at least 5 times faster.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landings", type=int, default=20)
    parser.add_argument("--plain", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LANDFALL_HOME"] = f"{folder}/home"
        os.environ["LANDFALL_PROJECT"] = str(project(Path(folder, "project")))
        control.up()
        try:
            ours, went, theirs = measure(options.landings, options.plain, Path(folder, "sample"))
        finally:
            control.down()
    p50 = quantile(ours, 0.5)
    write(
        "landing_to_prediction",
        "Landing to readable prediction, one day, warm stack",
        [
            "| | landings | p50 s | p95 s | median (range) s |",
            "|---|---|---|---|---|",
            f"| Landfall | {len(ours)} | {p50:.2f} | {quantile(ours, 0.95):.2f} | {spread(ours)} |",
            *_beside(ours, theirs),
            "",
            "Where a landing's time goes, from the PUT on; the prediction is readable before the last task ends:",
            "",
            "| | median (range) s |",
            "|---|---|",
            *(f"| {name} | {spread([parts[name] for parts in went])} |" for name in went[0]),
        ],
    )


if __name__ == "__main__":
    main()
