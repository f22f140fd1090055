"""A range of days redone: Airflow's own backfill, `--bulk`, and one hand-written Spark job over the whole range.

    python benchmarks/backfill_range.py [--days 180] [--runs 3]

Starts a stack of its own, lands and trains on sample days, then redoes the forecasts of --days days. The hand-written job is
what somebody writes who needs the numbers once: read the files, make the same features, load the fitted PipelineModel,
transform, append to a Postgres table with Spark's JDBC writer; no contract, no ledger, no publication a day. It runs on the
same warm Spark Connect server. Native is run once: it takes minutes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

from landfall.database import connect as connect_database
from landfall.freshness import champion
from landfall.landing.by_hand.split import land
from landfall.objects.client import connect
from landfall.partitions import Bulk, Trip
from landfall.pipelines.bike_demand import BIKE_DEMAND, CITY, FORECAST, STATE, TRAINING
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition, Partitions, Settings
from landfall.stack import control, settings

LAST = date(2025, 8, 31)
LEARNT = 60
"""Days before the range that the model learns from."""


def by_hand(where: Settings, days: Partitions, model: str) -> int:
    """The hand-written job; rows written."""
    from pyspark.ml import PipelineModel
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    from spark_jobs.etl.bike_features import bike_features

    spark = SparkSession.builder.remote(where.spark_remote).getOrCreate()
    try:
        paths = [f"{where.lake}/bike_sharing/forecast/dt={day}/" for day in days]
        hours = spark.read.csv(paths, header=True, inferSchema=True)
        features = bike_features(hours.withColumn("dteday", F.to_date("dteday")), CITY, STATE)
        scored = PipelineModel.load(model).transform(features).select("city", "state", "time", "prediction")
        url = urlsplit(where.database_url)
        writer = (
            scored.write.format("jdbc").mode("append").option("dbtable", "public.by_hand").option("batchsize", 10000)
        )
        writer = writer.option("url", f"jdbc:postgresql://{url.hostname}:{url.port}{url.path}")
        writer = writer.option("driver", "org.postgresql.Driver").option("user", unquote(url.username or ""))
        writer.option("password", unquote(url.password or "")).save()
    finally:
        spark.stop()
    with psycopg.connect(where.database_url, autocommit=True) as database:
        found = database.execute("SELECT count(*) FROM public.by_hand").fetchone()
        database.execute("DROP TABLE public.by_hand")
    return int(found[0]) if found else 0


def in_bulk(where: Settings, days: Partitions) -> int:
    """`landfall backfill --bulk`, without starting the program; rows published."""
    job = Bulk(Trip(where, BIKE_DEMAND, FORECAST, f"bulk_{time.time()}"), tell=lambda _: None)
    done = list(job.run(days))
    assert {each.state for each in done} == {"published"}, done
    return sum(each.published.rows for each in done if each.published)


def native(days: Partitions) -> None:
    """`landfall backfill`, the command."""
    first, last = str(days.days[0]), str(days.days[-1])
    command = [sys.executable, "-c", "from landfall.cli import main; main()", "backfill", "bike_demand/forecast"]
    subprocess.run([*command, "--from", first, "--to", last, "--json"], check=True, stdout=subprocess.DEVNULL)


def seconds(doing: Callable[[], object]) -> float:
    began = time.perf_counter()
    doing()
    return time.perf_counter() - began


def prepare(folder: Path, days: int) -> tuple[Settings, Partitions, str]:
    """Land, train; the range and the model's folder."""
    where = settings()
    files = {each.feed: each.path for each in write_sample("bike_demand", folder, days + LEARNT, LAST)}
    first = LAST - timedelta(days=days - 1)
    api = AirflowApi(where)
    until = time.monotonic() + 60
    while not api.http.patch("/api/v2/dags/landing_audit", json={"is_paused": True}).is_success:
        assert time.monotonic() < until
        time.sleep(1)
    store, before = connect(where.s3), Partition(first - timedelta(days=1))  # no day is predicted from its own actuals
    land(store, where.s3.bucket, "bike_demand/actuals", files["actuals"], last=before)
    land(
        store, where.s3.bucket, "bike_demand/forecast", files["forecast"], first=Partition(first), last=Partition(LAST)
    )
    api.wait(TRAINING.dag_id, api.trigger(TRAINING.dag_id), lambda _: None)
    with connect_database(where) as conn:
        model = champion(where, conn, TRAINING.model)
    assert model
    return where, Partitions.between(Partition(first), Partition(LAST)), model.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LANDFALL_HOME"] = f"{folder}/home"
        control.up()
        try:
            where, days, model = prepare(Path(folder, "sample"), options.days)
            bulk, hand = [], []
            for turn in range(options.runs + 1):
                hand.append(seconds(lambda: by_hand(where, days, model)))
                bulk.append(seconds(lambda: in_bulk(where, days)))
                print(f"turn {turn}: by hand {hand[-1]:.1f} s, bulk {bulk[-1]:.1f} s", flush=True)
            airflow = seconds(lambda: native(days))
        finally:
            control.down()
    bulk, hand = bulk[1:], hand[1:]
    ratio = sorted(bulk)[len(bulk) // 2] / sorted(hand)[len(hand) // 2]
    lines = [
        f"{options.days} days of forecasts, 24 rows each; {options.runs} turns after one that warmed up.",
        "",
        "| how | seconds, median (range) |",
        "|---|---|",
        f"| one hand-written Spark job | {spread(hand)} |",
        f"| `landfall backfill --bulk` | {spread(bulk)} |",
        f"| `landfall backfill` (Airflow's own, once) | {airflow:.0f} |",
        "",
        f"Bulk takes {ratio:.1f} times as long as the job by hand (aim: within 3).",
    ]
    write("backfill_range", "Backfill of a range of days", lines)


if __name__ == "__main__":
    main()
