"""A year of real data, landed day by day: when the model is trained again, why, what the gate says, and whether it pays.

    python benchmarks/retraining_year.py hour.csv [--learn 60] [--stride 1] [--days 365]

FILE is the published Bike Sharing data (doi:10.24432/C5W894). Starts a stack of its own. The first --learn days are learnt
from; then, --stride days at a time, forecasts land and are published, the days happen, their errors are measured, and the
training DAG's own steps decide, train, judge and promote, in this process. In the end the error of what was really
published is held against that of the first version over the same days, which is what a table has that nobody retrains.
"""

import argparse
import os
import sys
import tempfile
import time
import uuid
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from report import write

from landfall.database import connect as connect_database
from landfall.freshness import champion
from landfall.landing.by_hand.split import land
from landfall.models.registry import version
from landfall.objects.client import connect
from landfall.partitions import Bulk, Trip
from landfall.pipelines.bike_demand import BIKE_DEMAND, TRAINING
from landfall.spec import Partition, Partitions
from landfall.stack import control, environment, settings

FIRST = date(2011, 1, 1)


class Events(dict[Any, Any]):
    """Where a step puts what its asset events are to carry."""

    def __missing__(self, asset: Any) -> Any:
        self[asset] = SimpleNamespace(extra={})
        return self[asset]


class Training(dict[str, Any]):
    """A run of the training DAG: the part of Airflow's context that its steps read, and their reports."""

    def __init__(self, run_type: str, until: Partition) -> None:
        self.reports: dict[str, Any] = {}
        super().__init__(
            params={"until": str(until), "approval": False},
            run_id=f"year_{uuid.uuid4().hex[:8]}",
            dag_run=SimpleNamespace(run_type=run_type, logical_date=None),
            ti=SimpleNamespace(xcom_pull=lambda task_ids: self.reports.get(task_ids)),
            outlet_events=Events(),
        )

    def run(self) -> tuple[str, str]:
        """What it came to, `none`, `refused` or `promoted`, and why."""
        from airflow.sdk.exceptions import AirflowSkipException

        from landfall.orchestration import collect_features, decide, judge, promote, train

        for verb in (decide, collect_features, train, judge, promote):
            step = verb(TRAINING)
            step.render_template_fields(self)
            try:
                self.reports[step.task_id] = step.execute(self)
            except AirflowSkipException as skipped:
                return ("none", "") if step.task_id == "decide" else ("refused", str(skipped))
        return "promoted", f"{self.reports['decide']['reason']}; {self.reports['judge']['why']}"


def bulk(feed: str, days: Partitions) -> None:
    """Run some days of one feed."""
    run = Bulk(Trip(settings(), BIKE_DEMAND, BIKE_DEMAND.feed(feed), f"year_{days}"), tell=lambda _: None)
    for each in run.run(days):
        assert each.state == "published", each


def live(csv: Path, learn: int, stride: int, days: int) -> list[tuple[str, str, str, str]]:
    """The year; a line for each training: day, what it came to, version, why."""
    where = settings()
    store = connect(where.s3)

    def put(feed: str, first: int, last: int) -> Partitions:
        ends = (Partition(FIRST + timedelta(first)), Partition(FIRST + timedelta(last)))
        land(store, where.s3.bucket, f"bike_demand/{feed}", csv, first=ends[0], last=ends[1])
        return Partitions.between(*ends)

    put("actuals", 0, learn - 1)
    told = [("first", *_told(Training("manual", Partition(FIRST + timedelta(learn - 1)))))]
    for number in range(learn, days, stride):
        last = min(number + stride, days) - 1
        for feed in ("forecast", "actuals"):
            bulk(feed, put(feed, number, last))
        came = _told(Training("asset_triggered", Partition(FIRST + timedelta(last))))
        day = str(FIRST + timedelta(last))
        if came[0] != "none":
            told.append((day, *came))
        print(day, *came, flush=True)
    return [(day, state, number, why) for day, state, number, why in told]


def _told(run: Training) -> tuple[str, str, str]:
    state, why = run.run()
    return state, str((run.reports.get("train") or {}).get("version", "")), why


def errors(first: Partition, last: Partition) -> tuple[float, float]:
    """RMSE of what was published, and of the first version, over the same days."""
    from landfall.compute.local.warm import WarmSpark

    where = settings()
    with psycopg.connect(where.database_url) as conn:
        query = "SELECT sqrt(sum(rows * rmse ^ 2) / sum(rows)) FROM landfall.partition_errors WHERE partition BETWEEN %s AND %s"
        ((published,),) = conn.execute(query, [str(first), str(last)]).fetchall()
    stale = version(where, TRAINING.model, "1")
    window = f"features.bike_actuals/dt={Partitions.between(first, last)}"
    argv = TRAINING.judging.argv(partition="", features=window, challenger=stale.path)
    report: Any = WarmSpark(remote=where.spark_remote, lake=where.lake).run(argv)
    return published, float(report["challenger"]["metrics"]["rmse"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--learn", type=int, default=60, help="days that the first version learns from")
    parser.add_argument("--stride", type=int, default=1, help="days that land at a time")
    parser.add_argument("--days", type=int, default=365, help="days that land in all, more than --learn")
    options = parser.parse_args()
    if options.days <= options.learn:
        parser.error(f"--days {options.days} leaves no day to predict after the {options.learn} that are learnt from")
    with tempfile.TemporaryDirectory() as home:
        os.environ["LANDFALL_HOME"] = home
        control.up(["postgres", "s3", "spark"])
        try:
            os.environ.update(environment())
            began = time.monotonic()
            told = live(options.file, options.learn, options.stride, options.days)
            took = time.monotonic() - began
            first = Partition(FIRST + timedelta(options.learn))
            fresh, stale = errors(first, Partition(FIRST + timedelta(options.days - 1)))
            with connect_database(settings()) as conn:
                serving = champion(settings(), conn, TRAINING.model)
        finally:
            control.down()
    assert serving is not None
    days = f"{options.stride} days" if options.stride > 1 else "a day"
    lines = [f"| {day} | {state} | {number} | {why} |" for day, state, number, why in told]
    write(
        "retraining_year" if options.stride > 1 else "retraining_daily",
        f"2011 landed {days} at a time, the first {options.learn} learnt from",
        [
            "| until | came to | version | why |",
            "|---|---|---|---|",
            *lines,
            "",
            f"Error of what was published from {first} on: RMSE {fresh:.1f} riders an hour. The first version over the same "
            f"hours: {stale:.1f}.",
            f"Version {serving.version} serves in the end. It took {took / 60:.0f} minutes.",
        ],
    )


if __name__ == "__main__":
    main()
