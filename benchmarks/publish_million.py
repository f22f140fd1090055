"""1,000,000 predictions from Spark into a PostgreSQL table: Landfall's staging and swap beside Spark's JDBC writer.

    python benchmarks/publish_million.py [--rows 1000000] [--runs 5] [--partitions 4]

Needs a running stack (`landfall up`, or the LANDFALL_* variables of another). Both sides write the same rows from the
same Spark Connect session, in as many Spark partitions, into tables with the same columns and the same primary key on
the same server, in turns; the first turn warms up and is not counted. Landfall's side counts everything a run does:
opening, COPY, checks, primary key, statistics, swap. JDBC's side is `append` into an empty table, which readers see
half-filled: once with `batchsize=10000`, once more with the driver's `reWriteBatchedInserts`. A reader of Landfall's
table asks for one row all the time.
"""

import argparse
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.database import Database, connect, fetch
from landfall.publishing import Fingerprint, ensure_table, open_publication, publish
from landfall.publishing.schema import column_definitions, key_definition, qualified
from landfall.spec import Partition, PredictionTable, Settings
from landfall.spec.reports import Stages
from landfall.stack import settings
from spark_jobs.tables import stage_rows

TABLE = PredictionTable(
    name="benchmarks.publish_million",
    columns={"city": "text", "state": "text", "time": "timestamptz", "predicted": "double precision"},
    key=("city", "state", "time"),
    keep=0,
)
DAY = Partition.parse("2012-12-25")
LEFT = sql.SQL("SELECT child_table FROM landfall.publications WHERE table_name = %s AND child_table IS NOT NULL")
TARGET = "benchmarks.jdbc_million"
LANDFALL, JDBC, REWRITE = "Landfall: stage and swap", "JDBC writer", "JDBC writer, reWriteBatchedInserts"


def predictions(spark: SparkSession, rows: int, partitions: int) -> DataFrame:
    """`rows` predictions of one day: 1,000 cities, times spread over the day, no key twice."""
    number = F.col("id")
    moment = F.timestamp_micros(F.lit(int(DAY.start.timestamp() * 1e6)) + (number * 86_399_000_000 / rows).cast("long"))
    return spark.range(0, rows, 1, partitions).select(
        F.concat(F.lit("City"), number % 1000).alias("city"),
        F.lit("D.C.").alias("state"),
        moment.alias("time"),
        (number * 0.5).alias("predicted"),
        F.lit("7").alias("model_version"),
        F.lit(DAY.day).alias("partition"),
    )


def by_landfall(conn: Database, frame: DataFrame) -> dict[str, float]:
    """One publication, from opening to swap."""
    began = time.perf_counter()
    fingerprint = Fingerprint(objects={}, code_version="benchmark", model_version="7", contract="1")
    opened = open_publication(conn, TABLE, DAY, run_id="benchmark", model_version="7", fingerprint=fingerprint)
    rows = stage_rows(frame, Stages(((DAY, opened.staging, opened.id),)))[str(DAY)]
    staged = time.perf_counter()
    done = publish(conn, opened, expected_rows=rows)
    ended = time.perf_counter()
    return {"seconds": ended - began, "stage": staged - began, "publish": ended - staged, "lock_ms": done.lock_ms}


def by_jdbc(conn: Database, frame: DataFrame, where: Settings, *, rewrite: bool) -> dict[str, float]:
    """One append by Spark's writer into an empty table with the same primary key."""
    added = sql.SQL(", ").join(sql.SQL(f"{name} {kind} NOT NULL") for name, kind in TABLE.added.items())
    with conn.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TARGET}".encode())
        create = sql.SQL("CREATE TABLE {} ({}, {}, {})")
        name = sql.Identifier(*TARGET.split("."))
        cursor.execute(create.format(name, column_definitions(TABLE), added, key_definition(TABLE)))
    url = urlsplit(where.database_url)
    target = (
        f"jdbc:postgresql://{url.hostname}:{url.port or 5432}{url.path}?reWriteBatchedInserts={str(rewrite).lower()}"
    )
    began = time.perf_counter()
    writer = frame.withColumn("published_at", F.current_timestamp()).write.format("jdbc").mode("append")
    writer = writer.option("url", target).option("driver", "org.postgresql.Driver").option("dbtable", TARGET)
    writer = writer.option("user", unquote(url.username or "")).option("password", unquote(url.password or ""))
    writer.option("batchsize", 10000).save()
    return {"seconds": time.perf_counter() - began}


def checksum(conn: Database, name: str) -> object:
    """What both sides must agree on."""
    query = f"SELECT count(*), sum(predicted), min(time), max(time), count(DISTINCT city) FROM {name}"
    with conn.cursor() as cursor:
        return cursor.execute(query.encode()).fetchone()


@contextmanager
def reading(where: Settings) -> Iterator[list[float]]:
    """Asks for one row over and over meanwhile; the list holds how long each answer took, in milliseconds."""
    waits: list[float] = []
    stop = threading.Event()

    def read() -> None:
        query = sql.SQL("SELECT predicted FROM {} WHERE city = 'City7' AND state = 'D.C.' AND time = {}").format(
            sql.Identifier(*TABLE.name.split(".")), sql.Literal(DAY.start.isoformat())
        )
        with connect(where) as conn:
            while not stop.wait(0.005):
                asked = time.perf_counter()
                conn.execute(query).fetchone()
                waits.append((time.perf_counter() - asked) * 1000)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield waits
    finally:
        stop.set()
        reader.join()


def measure(where: Settings, rows: int, runs: int, partitions: int) -> tuple[dict[str, list[dict[str, float]]], str]:
    """Every side in turns, one warm-up turn first; and PostgreSQL's version."""
    os.environ.setdefault("LANDFALL_DATABASE_URL", where.database_url)
    frame = predictions(SparkSession.builder.remote(where.spark_remote).getOrCreate(), rows, partitions)
    taken: dict[str, list[dict[str, float]]] = {LANDFALL: [], JDBC: [], REWRITE: []}
    with connect(where) as conn:
        ensure_table(conn, TABLE)
        sides: dict[str, Callable[[], dict[str, float]]] = {
            LANDFALL: lambda: by_landfall(conn, frame),
            JDBC: lambda: by_jdbc(conn, frame, where, rewrite=False),
            REWRITE: lambda: by_jdbc(conn, frame, where, rewrite=True),
        }
        try:
            for turn in range(runs + 1):
                for name, side in sides.items():
                    with suppress(
                        psycopg.errors.InsufficientPrivilege
                    ):  # an even start, where the role may ask for one
                        conn.execute("CHECKPOINT")
                    with reading(where) as waits:
                        one = side()
                    one["slowest_read"] = max(waits, default=0.0)
                    if turn:
                        taken[name].append(one)
                    print(f"{'turn ' + str(turn) if turn else 'warm-up'}: {name}: {one}", flush=True)
                same = checksum(conn, TABLE.name), checksum(conn, TARGET)
                if same[0] != same[1]:
                    raise SystemExit(f"the sides differ: {same}")
            return taken, f"{conn.info.server_version // 10000}.{conn.info.server_version % 10000}"
        finally:
            remove(conn)


def remove(conn: Database) -> None:
    """Leaves nothing of the benchmark in the database."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute("DROP SCHEMA benchmarks CASCADE")
        for (child,) in fetch(conn, LEFT, [TABLE.name]):
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(qualified(str(child))))
        mine = "(SELECT id FROM landfall.publications WHERE table_name = %s)"
        cursor.execute(f"DELETE FROM landfall.staged_parts WHERE publication_id IN {mine}".encode(), [TABLE.name])
        cursor.execute("DELETE FROM landfall.publications WHERE table_name = %s", [TABLE.name])


def report(taken: dict[str, list[dict[str, float]]], postgres: str, rows: int, runs: int, partitions: int) -> str:
    """The Markdown that goes into benchmarks/results."""

    def middle(name: str, what: str, digits: int) -> str:
        values = [one[what] for one in taken[name] if what in one]
        if not values:
            return ""
        return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"

    lines = [
        f"# {rows:,} rows from Spark into PostgreSQL",
        "",
        f"Medians of {runs} turns after one warm-up, smallest and largest in brackets; {partitions} Spark partitions.",
        f"{os.cpu_count()} cores, {_memory_gb()} GB, {platform.system()} {platform.machine()}, load before the run "
        f"{LOAD:.1f}; PostgreSQL {postgres}, pyspark {version('pyspark')}, Python {platform.python_version()}, "
        f"adbc-driver-postgresql {version('adbc-driver-postgresql')}.",
        "",
        "| | seconds in all | staging, s | check and swap, s | readers shut out, ms | slowest read meanwhile, ms |",
        "|---|---|---|---|---|---|",
    ]
    for name in taken:
        cells = [middle(name, "seconds", 2), middle(name, "stage", 2), middle(name, "publish", 2)]
        cells += [middle(name, "lock_ms", 1), middle(name, "slowest_read", 0)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    ours = statistics.median(one["seconds"] for one in taken[LANDFALL])
    for name in (JDBC, REWRITE):
        times = statistics.median(one["seconds"] for one in taken[name]) / ours
        lines += ["", f"{name} takes {times:.1f} times as long as Landfall."]
    return "\n".join([*lines, "", "Made by `python benchmarks/publish_million.py`."]) + "\n"


LOAD = os.getloadavg()[0]


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="1,000,000 rows from Spark into PostgreSQL, two ways.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partitions", type=int, default=4)
    options = parser.parse_args()
    taken, postgres = measure(settings(), options.rows, options.runs, options.partitions)
    text = report(taken, postgres, options.rows, options.runs, options.partitions)
    results = Path(__file__).parent / "results" / "publish_million.md"
    results.parent.mkdir(exist_ok=True)
    results.write_text(text)
    print(text)
