"""Training on 1,000,000 rows: the job `train_model` beside plain Spark with the same stages.

    python benchmarks/retraining_million.py [--rows 1000000] [--runs 3] [--trees 20] [--depth 8]

Needs a running stack (`landfall up`, or the LANDFALL_* variables of another). Both sides run on the same Spark Connect server,
each turn in a session of its own, in turns; the first turn warms up and is not counted. The rows are generated: 365 days of a
Delta table with thirteen numbers and a label.

The job fits twice: once without the newest 14 days, to judge the model on them, once on every row. So does the plain program,
which reads the table, caches it, fits a Pipeline of the same assembler and forest on the older days, measures RMSE, MAE and R2
on the newer with RegressionEvaluator, fits again on all, and saves that model. What the job does beyond it is the overhead:
it pins the version, orders the rows so that the same snapshot gives the same model, checks them, saves the judged model too,
and describes the columns for drift.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

from landfall.compute.local.warm import WarmSpark
from landfall.objects.client import connect
from landfall.spec import Estimator, Job, Learner, Settings
from landfall.stack import environment, settings

TABLE = "benchmarks.retraining"
DAYS, HELD = 365, 14
NUMBERS = ["season", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit"]
WEATHER = ["temp", "atemp", "hum", "windspeed", "pressure", "clouds"]
METRICS = ("rmse", "mae", "r2")


def generate(spark: SparkSession, path: str, rows: int) -> None:
    """The table, one Delta partition a day: calendar, weather, and riders that follow from both with some noise."""
    second = F.floor(F.col("id") * F.lit(DAYS * 86400.0 / rows)).cast("long")
    moment = F.timestamp_seconds(F.lit(1_293_840_000) + second)
    hours = spark.range(0, rows, 1, 4).select("id", moment.alias("time")).withColumn("dt", F.to_date("time"))
    weather = [F.round(F.rand(number), 4).alias(name) for number, name in enumerate(WEATHER)]
    calendar = [
        F.quarter("time").alias("season"),
        F.month("time").alias("mnth"),
        F.hour("time").alias("hr"),
        (F.dayofyear("time") % 40 == 0).cast("int").alias("holiday"),
        F.dayofweek("time").alias("weekday"),
        F.dayofweek("time").between(2, 6).cast("int").alias("workingday"),
        (F.floor(F.rand(11) * 4) + 1).cast("int").alias("weathersit"),
    ]
    made = hours.select("time", "dt", *calendar, *weather)
    peak = F.exp(-F.pow(F.col("hr") - 17, 2) / 8) + F.col("workingday") * F.exp(-F.pow(F.col("hr") - 8, 2) / 4)
    label = F.round(400 * peak * (0.3 + F.col("temp")) / F.col("weathersit") + 20 * F.rand(12)).alias("cnt")
    days = made.select("*", label).repartition(4, "dt")  # one file a day
    days.write.format("delta").mode("overwrite").partitionBy("dt").save(path)


def learner(trees: int, depth: int) -> Learner:
    """The forest that both sides fit."""
    parameters: dict[str, int | float | str | bool] = {"numTrees": trees, "maxDepth": depth, "maxBins": 64}
    forest = Estimator(kind="random_forest", task="regression", parameters=parameters)
    return Learner(features=(*NUMBERS, *WEATHER), label="cnt", estimator=forest, holdout=HELD)


def by_landfall(where: Settings, declared: Learner) -> dict[str, float]:
    """The job, as a training run starts it."""
    folder = f"{where.lake}/benchmarks/models"
    argv = Job(name="train_model", arguments={"features": f"{TABLE}/dt=", "learner": declared.to_json()}).argv(
        partition="", model=f"{folder}/landfall", judged=f"{folder}/judged"
    )
    began = time.perf_counter()
    report = WarmSpark(remote=where.spark_remote, lake=where.lake).run(argv)
    seconds = time.perf_counter() - began
    metrics = report["metrics"]
    assert isinstance(metrics, dict)
    return {"seconds": seconds, **{name: metrics[f"holdout_{name}"] for name in METRICS}}


def by_spark(where: Settings, declared: Learner) -> dict[str, float]:
    """The plain program."""
    from pyspark.ml import Pipeline
    from pyspark.ml.evaluation import RegressionEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import RandomForestRegressor

    began = time.perf_counter()
    spark = SparkSession.builder.remote(where.spark_remote).getOrCreate()
    try:
        rows = spark.read.format("delta").load(f"{where.lake}/{TABLE.replace('.', '/')}").cache()
        newest = rows.agg(F.max("dt")).collect()[0][0]
        older = F.col("dt") <= F.date_sub(F.lit(newest), HELD)
        assembler = VectorAssembler(inputCols=list(declared.features), outputCol="features")
        forest = RandomForestRegressor(labelCol="cnt", seed=declared.seed, **declared.estimator.parameters)
        pipeline = Pipeline(stages=[assembler, forest])
        scored = pipeline.fit(rows.where(older)).transform(rows.where(~older)).cache()
        told = {name: RegressionEvaluator(labelCol="cnt", metricName=name).evaluate(scored) for name in METRICS}
        pipeline.fit(rows).write().overwrite().save(f"{where.lake}/benchmarks/models/plain")
    finally:
        spark.catalog.clearCache()  # the server would keep it for the next session
        spark.stop()
    return {"seconds": time.perf_counter() - began, **told}


def measure(where: Settings, declared: Learner, runs: int) -> dict[str, list[dict[str, float]]]:
    """Both sides in turns, one warm-up turn first."""
    taken: dict[str, list[dict[str, float]]] = {"Landfall": [], "plain Spark": []}
    for turn in range(runs + 1):
        for name, side in (("Landfall", by_landfall), ("plain Spark", by_spark)):
            one = side(where, declared)
            print(f"{'turn ' + str(turn) if turn else 'warm-up'}: {name}: {one}", flush=True)
            if turn:
                taken[name].append(one)
    return taken


def remove(where: Settings) -> None:
    """Leaves nothing of the benchmark in the lake."""
    client: Any = connect(where.s3)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=where.s3.bucket, Prefix="benchmarks/"):
        for found in page.get("Contents", ()):
            client.delete_object(Bucket=where.s3.bucket, Key=found["Key"])


def lines(taken: dict[str, list[dict[str, float]]], rows: int, declared: Learner) -> list[str]:
    """The table."""
    ours, plain = (statistics.median(one["seconds"] for one in taken[name]) for name in taken)
    forest = declared.estimator.parameters
    table = [
        f"{rows:,} rows, {len(declared.features)} features, {DAYS} days of which {HELD} are held out; a forest of "
        f"{forest['numTrees']} trees, depth {forest['maxDepth']}, fitted twice by both sides: without the held-out days to "
        "be judged on them, then on every row.",
        "",
        "| | seconds, median (range) | held-out RMSE |",
        "|---|---|---|",
    ]
    for name, ones in taken.items():
        table.append(f"| {name} | {spread([one['seconds'] for one in ones])} | {ones[0]['rmse']:.2f} |")
    table += [
        "",
        f"Overhead: {ours - plain:.1f} s, {100 * (ours / plain - 1):.1f} %. Aim: under 5 s and under 10 %. In it: pinning the "
        "version, an order that makes training repeatable, checks of every column, a second saved model, the reference of "
        "drift.",
        "",
        "Made by `python benchmarks/retraining_million.py`.",
    ]
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--depth", type=int, default=8)
    options = parser.parse_args()
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    where, declared = settings(), learner(options.trees, options.depth)
    spark = SparkSession.builder.remote(where.spark_remote).getOrCreate()
    generate(spark, f"{where.lake}/{TABLE.replace('.', '/')}", options.rows)
    spark.stop()
    try:
        taken = measure(where, declared, options.runs)
    finally:
        remove(where)
    write("retraining_million", f"Training on {options.rows:,} rows", lines(taken, options.rows, declared))


if __name__ == "__main__":
    main()
