"""The rows of published tables that a transform joins: for each partition those that it needs, and never fewer."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ComputeError
from landfall.spec.calendar import Calendar
from landfall.spec.joined import Joined
from landfall.spec.partition import Partitions
from spark_jobs.landed import LandedPartitions
from spark_jobs.tables import published_partitions, read_published

NEEDED = "_needed"
"""The column with the partition of the joined table."""


def unjoined(spark: SparkSession, landed: LandedPartitions, tables: Mapping[str, Joined], *, fail: bool) -> Partitions:
    """The partitions that cannot be made yet, because a partition that they need is not published.

    Raises:
        ComputeError: there is such a partition, and `fail` is true.
    """
    without = set()
    for joined in tables.values():
        there = published_partitions(spark, joined.table.name)
        for partition in landed.partitions:
            missing = [day for day in joined.needs(partition, landed.landing.calendar) if str(day) not in there]
            if missing and fail:
                raise ComputeError(
                    f"{landed.landing.prefix} {partition} cannot be joined: `{joined.table.name}` has no {missing[0]} yet.",
                    looked="landfall.publications",
                    left="nothing was written, what was published stays; it is tried again",
                    next="run the feed that publishes the table",
                )
            without |= {partition} if missing else set()
    return Partitions.of(without)


def joined_rows(
    spark: SparkSession, tables: Mapping[str, Joined], partitions: Partitions, calendar: Calendar
) -> dict[str, DataFrame]:
    """Name -> the rows of a joined table: its declared columns, and `dt`, the partition that needs the row.

    A row that several of `partitions` need is there once for each. So a partition gets the same rows alone and among others.
    """
    return {name: _rows(spark, joined, partitions, calendar) for name, joined in tables.items()}


def _rows(spark: SparkSession, joined: Joined, partitions: Partitions, calendar: Calendar) -> DataFrame:
    pairs = [(str(day), str(needed)) for day in partitions for needed in joined.needs(day, calendar)]
    needs = spark.createDataFrame(pairs, f"dt string, {NEEDED} string")
    if not calendar.hourly:
        needs = needs.withColumn("dt", F.col("dt").cast("date"))
    wanted = Partitions.of({needed for day in partitions for needed in joined.needs(day, calendar)})
    rows = read_published(spark, joined.table.name, wanted)
    rows = rows.select(*joined.table.columns, F.col("partition").cast("string").alias(NEEDED))
    return rows.join(F.broadcast(needs), NEEDED).drop(NEEDED)
