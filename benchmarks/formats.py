"""One large partition as CSV, JSON lines and Parquet: the seconds of the ETL job, and the bytes that land.

    python benchmarks/formats.py [--rows 1000000] [--tries 3]

Starts a stack of its own without Airflow. The same rows land once in each format, one object each,
and the job that a run takes makes features of them without a transform: it looks into the object, reads it, judges every row and
replaces the partition. The formats take turns; the first turn warms up and is not counted. No file has a bad row.
"""

import argparse
import gzip
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from report import spread, write

from landfall.objects.client import connect
from landfall.spec import Column, Contract, Csv, FileFormat, Job, JsonLines, Landing, Parquet, Partition
from landfall.spec.reports import FeaturesReport
from landfall.stack import control, settings

DAY = Partition.parse("2012-12-25")
CONTRACT = Contract(
    columns=(
        Column(name="id", type="bigint", minimum=0),
        Column(name="time", type="timestamp"),
        Column(name="city", type="string", pattern="[A-Z][a-z]+[0-9]*"),
        Column(name="temp", type="double", minimum=-50, maximum=50),
        Column(name="riders", type="int", minimum=0),
        Column(name="note", type="string", nullable=True),
    ),
    key=("id",),
    partition_by="time",
    max_bytes=2 * 1024**3,
)


def rows(count: int) -> pa.Table:
    """`count` rows of one day, of 1,000 cities."""
    first = datetime(DAY.day.year, DAY.day.month, DAY.day.day, tzinfo=UTC)
    numbers = range(count)
    moments = [first + timedelta(seconds=number * 86_399 / count) for number in numbers]
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "time": pa.array(moments, pa.timestamp("ms", "UTC")),
            "city": pa.array([f"City{number % 1000}" for number in numbers]),
            "temp": pa.array([(number % 700) / 10 - 25 for number in numbers]),
            "riders": pa.array([number % 977 for number in numbers], pa.int32()),
            "note": pa.array([f"note {number % 13}" if number % 3 else None for number in numbers]),
        }
    )


def as_csv(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pa_csv.write_csv(_plain(table), file, pa_csv.WriteOptions(quoting_style="needed"))
    return file.getvalue()


def as_json_lines(table: pa.Table) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in _plain(table).to_pylist()).encode()


def as_parquet(table: pa.Table, compression: str) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression=compression)
    return file.getvalue()


def _plain(table: pa.Table) -> pa.Table:
    """The rows with their times as text, as a person's file has them."""
    texts = [moment.isoformat(timespec="milliseconds") for moment in table.column("time").to_pylist()]
    return table.set_column(1, "time", pa.array(texts))


FORMATS: Mapping[str, tuple[FileFormat, str, Callable[[pa.Table], bytes]]] = {
    "CSV": (Csv(), ".csv", as_csv),
    "CSV, gzip": (Csv(), ".csv.gz", lambda table: gzip.compress(as_csv(table), 6)),
    "JSON lines": (JsonLines(), ".jsonl", as_json_lines),
    "JSON lines, gzip": (JsonLines(), ".jsonl.gz", lambda table: gzip.compress(as_json_lines(table), 6)),
    "Parquet, snappy": (Parquet(), ".parquet", lambda table: as_parquet(table, "snappy")),
    "Parquet, zstd": (Parquet(), ".parquet", lambda table: as_parquet(table, "zstd")),
}


def landed(count: int) -> Iterator[tuple[str, Landing, float]]:
    """Puts the rows in each format; name, landing and megabytes of each."""
    table, where = rows(count), settings()
    store: Any = connect(where.s3)
    for number, (name, (file_format, ending, content)) in enumerate(FORMATS.items()):
        landing, body = Landing(prefix=f"formats/{number}", format=file_format), content(table)
        store.put_object(Bucket=where.s3.bucket, Key=f"{landing.folder(DAY)}rows{ending}", Body=body)
        yield name, landing, len(body) / 1024**2


def once(spark: Any, landing: Landing, count: int) -> float:
    """The seconds of one job."""
    from spark_jobs.__main__ import run

    table = landing.prefix.replace("/", ".f")
    arguments = {
        "landing": landing.place_json(),
        "partitions": "{partition}",
        "features": f"{table}/dt={{partition}}",
        "quarantine": f"{table}_q/dt={{partition}}",
        "contract": CONTRACT.to_json(),
    }
    argv = [*Job(name="features", arguments=arguments).argv(partition=str(DAY)), "--lake", settings().lake]
    began = time.perf_counter()
    report = FeaturesReport.of(run(argv, spark))
    took = time.perf_counter() - began
    assert (report.rows, report.quarantined) == (count, 0)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tries", type=int, default=3)
    options = parser.parse_args()
    lines = ["| format | MB landed | ETL, s: median (range) | rows a second |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as home:
        os.environ["LANDFALL_HOME"] = home
        control.up(["postgres", "s3", "spark"])
        try:
            os.environ.update({name: value for name, value in settings().of_jobs.items() if value})
            from pyspark.sql import SparkSession

            spark = SparkSession.builder.remote(settings().spark_remote).create()
            sides = list(landed(options.rows))
            took: dict[str, list[float]] = {name: [] for name in FORMATS}
            for turn in range(options.tries + 1):
                for name, landing, _ in sides:
                    seconds = once(spark, landing, options.rows)
                    took[name] += [seconds] if turn else []
                    print(f"turn {turn}: {name} {seconds:.1f} s", flush=True)
            spark.stop()
            for name, _, megabytes in sides:
                rate = options.rows / sorted(took[name])[len(took[name]) // 2]
                lines.append(f"| {name} | {megabytes:.0f} | {spread(took[name])} | {rate:,.0f} |")
        finally:
            control.down()
    write("formats", f"One partition of {options.rows:,} rows in each format", lines)


if __name__ == "__main__":
    main()
