"""Features of landed partitions: reads what landed, judges every row, and writes features and quarantine.

A row that breaks the contract goes to the quarantine table. A partition with too many such rows keeps the features that it had:
the verdict is in the report, and the step after this one fails the run with it. The good rows are the features, or what the
pipeline's own function (`--transform`) makes of them.
"""

import argparse
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.spec.partition import Partition, Partitions
from landfall.spec.reports import FeaturesReport, Verdict
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.contract import Rules, judge, kept, quarantined, verdicts
from spark_jobs.etl.joined import joined_rows, unjoined
from spark_jobs.etl.references import referenced_values
from spark_jobs.formats.reader import reader_of
from spark_jobs.landed import (
    Groups,
    LandedPartitions,
    days_without_rows,
    leave_out,
    nothing_to_read,
    read_landed,
    sort_landed,
)
from spark_jobs.tables import existing_partitions, has_rows, overwrite_partitions


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Reads, judges, and replaces the partitions that pass.

    Reports rows, quarantined rows, and a verdict on every refused partition.
    """
    landed, strict = LandedPartitions(options.lake, options.landing, options.partitions), options.days == "all"
    if options.days == "missing":
        landed = landed.without(existing_partitions(spark, options.lake, options.features.name))
    if options.tables:
        landed = landed.without(unjoined(spark, landed, options.tables, fail=options.days != "missing"))
    groups, broken = sort_landed(landed, options.contract) if len(landed.partitions) else ({}, [])
    if broken and strict:
        raise broken[0].error
    if not groups and strict:
        raise nothing_to_read(landed)
    unusable = [file.verdict for file in broken]
    groups = leave_out(groups, landed, {verdict.partition for verdict in unusable})
    judged_days = _make(spark, groups, landed, options) if groups else []
    if not strict:
        unusable += days_without_rows(landed, {verdict.partition for verdict in (*judged_days, *unusable)})
    passed = [verdict for verdict in judged_days if verdict.passes(options.contract)]
    return FeaturesReport(
        rows=sum(verdict.rows for verdict in passed),
        quarantined=sum(verdict.quarantined for verdict in judged_days),
        partitions={verdict.partition: (verdict.rows, verdict.quarantined) for verdict in judged_days},
        refused=tuple(verdict for verdict in (*judged_days, *unusable) if verdict not in passed),
    ).as_dict()


def _make(spark: SparkSession, groups: Groups, landed: LandedPartitions, options: argparse.Namespace) -> list[Verdict]:
    """Judges every row, replaces the features of the partitions that pass and the quarantine of all.

    Gives a verdict per partition.
    """
    ragged = reader_of(landed.landing.format).ragged(options.contract)
    rules = Rules(options.contract, landed.landing, ragged, referenced_values(spark, landed, options.contract))
    judged = judge(read_landed(spark, groups, landed, options.contract), rules).persist()
    try:
        judged_days = verdicts(judged)
        passing = [verdict for verdict in judged_days if verdict.passes(options.contract)]
        if passing:
            days = [verdict.partition for verdict in passing]
            good = kept(judged.where(F.col("dt").cast("string").isin(*days)), rules)
            table = TablePartitions(options.features.name, _partitions(days))
            joined = joined_rows(spark, options.tables, table.partitions, landed.landing.calendar)
            features = _transform(options.transform)(good, **options.arguments, **joined)
            overwrite_partitions(features, options.lake, table, rows=sum(verdict.rows for verdict in passing))
        quarantine = TablePartitions(options.quarantine.name, _partitions(verdict.partition for verdict in judged_days))
        bad = sum(verdict.quarantined for verdict in judged_days)
        if bad or has_rows(spark, options.lake, quarantine):
            overwrite_partitions(quarantined(judged, options.contract), options.lake, quarantine, rows=bad)
    finally:
        judged.unpersist()
    return judged_days


def _transform(name: str) -> Callable[..., DataFrame]:
    """The function `module:function`; without a name, the function that gives the rows as they are."""
    if not name:
        return lambda rows: rows
    module, _, function = name.partition(":")
    return cast(Callable[..., DataFrame], getattr(import_module(module), function))


def _partitions(written: Iterable[str]) -> Partitions:
    return Partitions.of(Partition.parse(day) for day in written)
