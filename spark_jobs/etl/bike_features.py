"""Features of bike demand: one row per hour, from landed days.

A row that breaks the contract goes to the quarantine table. A day with too many such rows keeps the features that it had: the
verdict is in the report, and the step after this one fails the run with it.
"""

import argparse
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.spec.partition import Partition, Partitions
from landfall.spec.reports import FeaturesReport, Verdict
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.contract import judge, kept, quarantined, verdicts
from spark_jobs.landed import (
    Groups,
    broken_file,
    days_without_rows,
    leave_out,
    nothing_to_read,
    read_landed,
    sort_landed,
)
from spark_jobs.tables import existing_partitions, has_rows, overwrite_partitions


def hour_start(day: Column, hour: Column) -> Column:
    """The first instant of `hour` (0 to 23) of `day`, both UTC."""
    return F.timestamp_seconds(F.unix_date(day) * 86400 + hour * 3600)


def hour_of_daytype(hour: Column, workingday: Column) -> Column:
    """0-23 for the hours of a day off, 24-47 for those of a working day: one split tells a commuter peak from a Sunday noon."""
    return hour + 24 * workingday


def bike_features(hours: DataFrame, city: str, state: str) -> DataFrame:
    """One row per (city, state, time), with what the model learns from. An hour that did not land is absent, not zero."""
    return hours.select(
        F.lit(city).alias("city"),
        F.lit(state).alias("state"),
        hour_start(F.col("dteday"), F.col("hr")).alias("time"),
        "*",
        hour_of_daytype(F.col("hr"), F.col("workingday")).alias("hour_of_daytype"),
    ).drop("dteday", "instant")


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Reads, judges, and replaces the days that pass. Reports rows, quarantined rows, and a verdict on every refused day."""
    landed, strict = options.landed, options.days == "all"
    if options.days == "missing":
        landed = landed.without(existing_partitions(spark, options.lake, options.features.name))
    groups, broken = sort_landed(options.lake, landed, options.contract) if len(landed.partitions) else ({}, [])
    if broken and strict:
        raise broken[0].error
    if not groups and strict:
        raise nothing_to_read(options.lake, landed)
    unusable = [broken_file(file) for file in broken]
    groups = leave_out(groups, {verdict.partition for verdict in unusable})
    judged_days = _make(spark, groups, options) if groups else []
    if not strict:
        unusable += days_without_rows(landed, {verdict.partition for verdict in (*judged_days, *unusable)})
    passed = [verdict for verdict in judged_days if verdict.passes(options.contract)]
    return FeaturesReport(
        rows=sum(verdict.rows for verdict in passed),
        quarantined=sum(verdict.quarantined for verdict in judged_days),
        partitions={verdict.partition: (verdict.rows, verdict.quarantined) for verdict in judged_days},
        refused=tuple(verdict for verdict in (*judged_days, *unusable) if verdict not in passed),
    ).as_dict()


def _make(spark: SparkSession, groups: Groups, options: argparse.Namespace) -> list[Verdict]:
    """Judges every row, replaces the features of the days that pass and the quarantine of all days; gives a verdict per day."""
    judged = judge(read_landed(spark, groups, options.contract), options.contract).persist()
    try:
        judged_days = verdicts(judged)
        passing = [verdict for verdict in judged_days if verdict.passes(options.contract)]
        if passing:
            days = [verdict.partition for verdict in passing]
            good = kept(judged.where(F.col("dt").cast("string").isin(*days)), options.contract)
            features = bike_features(good, options.city, options.state)
            table = TablePartitions(options.features.name, _days(days))
            overwrite_partitions(features, options.lake, table, rows=sum(verdict.rows for verdict in passing))
        quarantine = TablePartitions(options.quarantine.name, _days(verdict.partition for verdict in judged_days))
        bad = sum(verdict.quarantined for verdict in judged_days)
        if bad or has_rows(spark, options.lake, quarantine):
            overwrite_partitions(quarantined(judged, options.contract), options.lake, quarantine, rows=bad)
    finally:
        judged.unpersist()
    return judged_days


def _days(written: Iterable[str]) -> Partitions:
    return Partitions.of(Partition.parse(day) for day in written)
