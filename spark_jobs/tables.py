"""The only input and output of tables: reads and overwrites their partitions, and stages rows for publishing.

A table is written `schema.name` and is a Delta table (`Lake` says where), partitioned by the column `dt`: a date if partitions
are days, and the partition's name as text, such as 2012-12-25T07, if they are hours.
A table partition is written `schema.name/dt=2012-12-25`; several as `schema.name/dt=2011-01-01..2011-09-30,2011-10-02`.
"""

import os
import random
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ComputeError
from landfall.spec.partition import Partition, Partitions
from landfall.spec.reports import Stages
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.lake import Lake
from spark_jobs.widening import fit

if TYPE_CHECKING:
    import pyarrow as pa

FEW = 500_000
"""A partition of at most this many rows is written as one file, by one task."""
CREATED = {"delta.dataSkippingNumIndexedCols": "0"}
"""Properties of a new table. Rows are found by partition, never by a column's smallest and largest value: gathering those values
for every file and reading them again took about 0.2 s per write."""
ABSENT = ("DELTA_TABLE_NOT_FOUND", "PATH_NOT_FOUND", "doesn't exist", "TABLE_OR_VIEW_NOT_FOUND")
"""What Delta and Spark report for a table that does not exist."""
TRIES = 5
CONFLICT = re.compile(r"DELTA_CONCURRENT_|DELTA_METADATA_CHANGED|DELTA_PROTOCOL_CHANGED|TABLE_OR_VIEW_ALREADY_EXISTS")
"""Delta's errors if another job committed first (docs.delta.io/latest/concurrency-control.html), and Spark's if it made the
table."""

OTHER_TYPES = re.compile(r"DELTA_FAILED_TO_MERGE_FIELDS|DELTA_MERGE_INCOMPATIBLE_DATATYPE")
"""Delta's errors if a column of the table has another type than the rows."""


def read_partitions(spark: SparkSession, lake: Lake, table: TablePartitions) -> DataFrame:
    """The rows of some partitions of a Delta table.

    Raises:
        ComputeError: the table does not exist yet.
    """
    return read_whole(spark, lake, table.name).where(table.condition)


def read_whole(spark: SparkSession, lake: Lake, name: str) -> DataFrame:
    """Every row of a Delta table.

    Raises:
        ComputeError: the table does not exist yet.
    """
    frame = _open(spark, lake, name)
    if frame is None:
        raise _no_table(lake, name)
    return frame


def read_version(spark: SparkSession, lake: Lake, table: TablePartitions, version: int) -> DataFrame:
    """The rows of some partitions of a Delta table (of all, if `table` names none), as they were in `version`."""
    frame = lake.read(spark.read.option("versionAsOf", version), table.name)
    return frame.where(table.condition) if len(table.partitions) else frame


def existing_partitions(spark: SparkSession, lake: Lake, name: str) -> Partitions:
    """The partitions for which a Delta table has rows; empty if the table does not exist."""
    frame = _open(spark, lake, name)
    rows = frame.select("dt").distinct().collect() if frame is not None else []
    return Partitions.of(Partition.parse(str(row.dt)) for row in rows)


def has_rows(spark: SparkSession, lake: Lake, table: TablePartitions) -> bool:
    """True if the Delta table exists and has a row in these partitions."""
    frame = _open(spark, lake, table.name)
    return frame is not None and not frame.where(table.condition).isEmpty()


def overwrite_partitions(frame: DataFrame, lake: Lake, table: TablePartitions, *, rows: int) -> None:
    """Replaces exactly `table`'s partitions by the rows of `frame` (with their `dt`), in one Delta commit.

    Delta refuses rows outside of the partitions. Without rows the partitions become empty. If another job has committed to the
    same partitions meanwhile, Delta demands that the write is repeated; it is, and the last write stays. A new column is added to
    the table. A column whose type has become wider is widened in place: see `fit`.

    Args:
        frame: The rows.
        lake: Where the table is.
        table: The table and the partitions to replace.
        rows: The number of rows. If there are few, a partition becomes one file: each file takes four requests to write and
            seven to read.
    """
    if rows <= FEW and len(table.partitions) == 1:
        frame = frame.coalesce(1)
    elif rows <= FEW:
        frame = frame.repartition(min(len(table.partitions), 8), "dt")
    for left in reversed(range(TRIES)):
        try:
            _overwrite(frame, lake, table)
            return
        except PySparkException as error:
            if left and OTHER_TYPES.search(str(error)):
                frame = fit(frame, lake, table.name, read_whole(frame.sparkSession, lake, table.name).schema)
                continue
            if not left or not CONFLICT.search(str(error)):
                raise
            time.sleep(random.uniform(0.1, 1))  # noqa: S311  (so that two jobs do not meet again)


def _overwrite(frame: DataFrame, lake: Lake, table: TablePartitions) -> None:
    """One try of `overwrite_partitions`. It creates a table that does not exist."""
    if folder := lake.folder(table.name):
        writer = frame.write.format("delta").mode("overwrite").partitionBy("dt")
        writer = writer.option("replaceWhere", table.condition).option("mergeSchema", "true").options(**CREATED)
        writer.save(folder)
        return
    # saveAsTable with replaceWhere and mergeSchema is an internal error of Spark 4.0.
    name = lake.sql_name(table.name)
    if frame.sparkSession.catalog.tableExists(name):
        frame.writeTo(name).option("mergeSchema", "true").overwrite(F.expr(table.condition))
    else:
        first = frame.writeTo(name).using("delta").partitionedBy(F.col("dt"))
        for option, value in CREATED.items():
            first = first.tableProperty(option, value)
        first.create()


def delta_version(spark: SparkSession, lake: Lake, name: str) -> int:
    """The newest version of a Delta table.

    Raises:
        ComputeError: the table does not exist yet.
    """
    try:
        history = spark.sql(f"DESCRIBE HISTORY {lake.sql_name(name)} LIMIT 1")
        return int(history.select("version").collect()[0].version)
    except AnalysisException as error:
        raise _no_table(lake, name) from error


def read_published(spark: SparkSession, name: str, partitions: Partitions) -> DataFrame:
    """The present rows of a prediction table in Postgres, for some partitions."""
    days = TablePartitions(name, partitions).condition.replace("dt ", "partition ")
    return _query(spark, f"SELECT * FROM {name} WHERE {days}")  # noqa: S608


def published_partitions(spark: SparkSession, name: str) -> set[str]:
    """The names of the partitions of a prediction table that readers see."""
    query = f"SELECT partition FROM landfall.publications WHERE table_name = '{name}' AND state = 'published'"  # noqa: S608
    return {str(row.partition) for row in _query(spark, query).collect()}


def _query(spark: SparkSession, query: str) -> DataFrame:
    """What a query of the predictions database gives. Its text is made from declared names and partitions alone."""
    url = urlsplit(_database_url())
    host = f"{url.hostname}:{url.port or 5432}"
    reader = spark.read.format("jdbc").option("url", f"jdbc:postgresql://{host}{url.path}")
    reader = reader.option("driver", "org.postgresql.Driver").option("user", unquote(url.username or ""))
    reader = reader.option("password", unquote(url.password or ""))
    return reader.option("query", query).load()


def stage_rows(frame: DataFrame, stages: Stages) -> dict[str, int]:
    """Writes the rows of `frame` to their partitions' Postgres tables with COPY from the executors, exactly once.

    Each Spark task notes itself in `landfall.staged_parts` and copies its rows of a partition in one transaction. So the retry
    of a task that has already committed writes nothing.

    Args:
        frame: Rows whose columns are among those of the staging tables; with a column `partition`, a date or the name of an hour.
        stages: The staging table of each partition.

    Returns:
        Partition -> number of staged rows, for every partition of `stages`.
    """
    database_url = _database_url()
    tables = {str(day): (table, number) for day, table, number in stages.tables}
    if len(tables) > 1:  # all rows of a partition in one task: one COPY per partition
        frame = frame.repartition(min(len(tables), 8), "partition")

    def copy(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        from spark_jobs.staging import copy_rows

        yield copy_rows(batches, database_url, tables)

    staged = dict.fromkeys(tables, 0)
    for row in frame.mapInArrow(copy, "partition string, rows bigint").collect():
        staged[row.partition] += row.rows
    return staged


def _open(spark: SparkSession, lake: Lake, name: str) -> DataFrame | None:
    """The Delta table `schema.name`; None if it does not exist yet."""
    try:
        frame = lake.read(spark.read, name)
        frame.schema  # noqa: B018  (Connect is lazy: there a missing table shows here, elsewhere a line above)
    except AnalysisException as error:
        if any(sign in str(error) for sign in ABSENT):
            return None
        raise
    return frame


def _database_url() -> str:
    """The predictions database, from the environment: a password must not be on a command line."""
    if url := os.environ.get("LANDFALL_DATABASE_URL"):
        return url
    raise ComputeError(
        "The setting `LANDFALL_DATABASE_URL` is missing.",
        looked="the environment of the Spark job",
        left="nothing was staged",
        next="landfall up    (or set the variable to your own server)",
    )


def _no_table(lake: Lake, name: str) -> ComputeError:
    return ComputeError(
        f"The table `{name}` does not exist.",
        looked=lake.address(name),
        left="nothing was written",
        next="land its files and run the DAG that makes it",
    )
