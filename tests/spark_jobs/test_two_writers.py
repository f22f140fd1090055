"""Two jobs that write the same partitions: the first commit wins, the second is written again, and no job fails."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from pyspark.sql import functions as F

from landfall.spec import Partitions
from spark_jobs.tables import TablePartitions, overwrite_partitions, read_partitions

WRITERS = 4


def test_jobs_that_write_the_same_partitions_leave_the_rows_of_one_of_them(corner: Any) -> None:
    table = TablePartitions(f"{corner.name}.shared", Partitions.parse("2012-06-01..2012-06-03"))
    days = corner.spark.range(3).select(F.expr("date_add(DATE '2012-06-01', CAST(id AS INT))").alias("dt"))
    ready = Barrier(WRITERS)

    def write(writer: int) -> None:
        ready.wait()
        overwrite_partitions(days.withColumn("writer", F.lit(writer)), corner.settings.lake, table)

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))
    left = read_partitions(corner.spark, corner.settings.lake, table).collect()
    assert len(left) == len(table.partitions)
    assert len({row.writer for row in left}) == 1
