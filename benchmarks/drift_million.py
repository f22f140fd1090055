"""Drift of 50 features over 1,000,000 rows: the job `measure_drift` beside one plain aggregate over the same columns.

    python benchmarks/drift_million.py [--rows 1000000] [--features 50] [--runs 5]

Needs a running stack (`landfall up`, or the LANDFALL_* variables of another). The rows are generated: 14 days of a Delta table,
a fifth of the columns whole numbers, a fifth exponential, the others normal. Both sides run in one session on the same Spark
Connect server, in turns; the first turn warms up and is not counted. The aggregate is `avg` of each column: what one look at
every value costs at least. The job counts each value in one of a hundred bins, and gives PSI and KS. The third side is the
same counting where Spark hands over its rows, as it does for a table whose files are not its rows (deletion vectors).
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write
from retraining_million import remove

from landfall.stack import environment, settings
from spark_jobs.__main__ import run
from spark_jobs.files import write_file
from spark_jobs.training import counting
from spark_jobs.training.histogram import describe

TABLE = "benchmarks.drift"
DAYS = 14
LANDFALL, SCAN, ROWS = "Landfall: `measure_drift`, the whole job", "one aggregate: `avg` of each", "the same by rows"


def generate(spark: SparkSession, path: str, rows: int, features: int) -> None:
    """The table, one Delta partition a day."""
    kinds = [
        lambda seed: F.floor(F.rand(seed) * 24).cast("int"),
        lambda seed: -F.log(F.rand(seed) + 1e-9),
        *[lambda seed: F.randn(seed)] * 3,
    ]
    columns = [kinds[number % 5](number).alias(f"f{number}") for number in range(features)]
    day = F.date_add(F.lit("2012-06-01").cast("date"), (F.col("id") * DAYS / rows).cast("int")).alias("dt")
    made = spark.range(0, rows, 1, 4).select(day, *columns)
    made.write.format("delta").mode("overwrite").partitionBy("dt").save(path)


def sides(spark: SparkSession, lake: str, reference: str, names: list[str]) -> dict[str, Callable[[], Any]]:
    """What is timed."""
    path = f"{lake}/{TABLE.replace('.', '/')}"
    window = f"{TABLE}/dt=2012-06-01..2012-06-{DAYS}"
    argv = ["measure_drift", "--features", window, "--reference", reference, "--lake", lake]
    files_are_rows = counting._is_plain

    def by_rows() -> Any:
        counting._is_plain = lambda spark, folder: False
        try:
            return run(argv, spark)
        finally:
            counting._is_plain = files_are_rows

    def scan() -> Any:
        return spark.read.format("delta").load(path).agg(*(F.avg(name) for name in names)).collect()

    return {SCAN: scan, LANDFALL: lambda: run(argv, spark), ROWS: by_rows}


def measure(timed: dict[str, Callable[[], Any]], runs: int) -> dict[str, list[float]]:
    """Seconds of every side in turns, one warm-up turn first."""
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(runs + 1):
        told = {}
        for name, side in timed.items():
            began = time.perf_counter()
            told[name] = side()
            seconds = time.perf_counter() - began
            print(f"{'turn ' + str(turn) if turn else 'warm-up'}: {name}: {seconds:.2f} s", flush=True)
            if turn:
                taken[name].append(seconds)
        if told[LANDFALL] != told[ROWS]:
            raise SystemExit("the two ways of counting differ")
    return taken


def lines(taken: dict[str, list[float]], rows: int, features: int) -> list[str]:
    """The table."""
    middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
    table = [
        f"{rows:,} rows of {features} features, {DAYS} partitions; PSI and KS of each against a hundred bins.",
        "",
        "| | seconds, median (range) | times the aggregate |",
        "|---|---|---|",
    ]
    for name, seconds in taken.items():
        table.append(f"| {name} | {spread(seconds)} | {middle[name] / middle[SCAN]:.2f} |")
    return [*table, "", "Aim: at most 1.5 times the aggregate.", "", "Made by `python benchmarks/drift_million.py`."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    where = settings()
    names = [f"f{number}" for number in range(options.features)]
    spark = SparkSession.builder.remote(where.spark_remote).getOrCreate()
    try:
        path = f"{where.lake}/{TABLE.replace('.', '/')}"
        generate(spark, path, options.rows, options.features)
        table: Any = spark.read.format("delta").load(path).select(*names).limit(50_000).toArrow()
        known = {name: describe(np.asarray(table.column(name), dtype=float)) for name in names}
        reference = f"{where.lake}/benchmarks/reference.json"
        write_file(reference, json.dumps(known).encode())
        taken = measure(sides(spark, where.lake, reference, names), options.runs)
    finally:
        spark.stop()
        remove(where)
    text = f"Drift of {options.features} features over {options.rows:,} rows"
    write("drift_million", text, lines(taken, options.rows, options.features))


if __name__ == "__main__":
    main()
