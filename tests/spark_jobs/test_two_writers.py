"""Two jobs that write the same partitions: the first commit wins, the second is written again, and no job fails."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from pyspark.sql import functions as F

from landfall.spec import Partitions
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.lake import Lake
from spark_jobs.tables import CREATED, overwrite_partitions, read_partitions

WRITERS = 4


def test_jobs_that_write_the_same_partitions_leave_the_rows_of_one_of_them(corner: Any) -> None:
    table = TablePartitions(f"{corner.name}.shared", Partitions.parse("2012-06-01..2012-06-03"))
    days = corner.spark.range(3).select(F.expr("date_add(DATE '2012-06-01', CAST(id AS INT))").alias("dt"))
    ready = Barrier(WRITERS)

    def write(writer: int) -> None:
        ready.wait()
        overwrite_partitions(days.withColumn("writer", F.lit(writer)), Lake(corner.settings.lake), table, rows=3)

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    left = read_partitions(corner.spark, Lake(corner.settings.lake), table).collect()
    assert len(left) == len(table.partitions)
    assert len({row.writer for row in left}) == 1


@pytest.mark.parametrize("days", ["2012-06-01", "2012-06-01..2012-06-03"])
def test_few_rows_are_one_file_a_partition(corner: Any, days: str) -> None:
    table = TablePartitions(f"{corner.name}.files_{len(Partitions.parse(days))}", Partitions.parse(days))
    hours = corner.spark.range(48, numPartitions=4).select(
        F.expr(f"date_add(DATE '2012-06-01', CAST(id % {len(table.partitions)} AS INT))").alias("dt"), "id"
    )
    overwrite_partitions(hours, Lake(corner.settings.lake), table, rows=48)
    left = read_partitions(corner.spark, Lake(corner.settings.lake), table)
    assert left.count() == 48
    assert left.select("_metadata.file_path").distinct().count() == len(table.partitions)


@pytest.mark.parametrize("older", [False, True])
def test_a_new_table_keeps_no_values_of_its_files_and_one_that_is_there_keeps_its_ways(
    corner: Any, older: bool
) -> None:
    table = TablePartitions(f"{corner.name}.properties_{older}", Partitions.parse("2012-06-01"))
    path = Lake(corner.settings.lake).folder(table.name)
    hours = corner.spark.range(24).select(F.lit("2012-06-01").cast("date").alias("dt"), "id")
    if older:
        hours.write.format("delta").partitionBy("dt").save(path)
    for _ in range(2):
        overwrite_partitions(hours, Lake(corner.settings.lake), table, rows=24)
    properties = corner.spark.sql(f"DESCRIBE DETAIL delta.`{path}`").collect()[0].properties
    assert properties == ({} if older else CREATED)
    assert read_partitions(corner.spark, Lake(corner.settings.lake), table).count() == 24
