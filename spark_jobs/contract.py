"""Checks the contract row by row: typed values where they are good, the reasons where they are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from landfall.spec.column import Column
from landfall.spec.contract import Contract
from landfall.spec.landing import Landing
from landfall.spec.reports import Verdict
from spark_jobs.columns import broken, typed

CORRUPT = "_corrupt"
"""The column with the text of a row that does not fit the file's columns."""
_AS_TEXT = ("int", "double", "date", "string")
"""The types of key columns that are compared as text: 7 and 07 are two keys."""


@dataclass(frozen=True)
class Rules:
    """What rows are judged by.

    Args:
        contract: The contract.
        landing: Where they landed.
        ragged: Why a row that does not fit the file's columns is bad.
        referenced: Column -> the values that it may have, in the column `value`, and `dt` if its reference is to the row's own
            partition. For every column that has references.
    """

    contract: Contract
    landing: Landing
    ragged: str
    referenced: Mapping[str, DataFrame] = field(default_factory=dict)

    def typed(self, column: Column) -> SparkColumn:
        """The value of a column, by the decimal point of the landing's format."""
        return typed(column, self.landing.format.point)


def judge(rows: DataFrame, rules: Rules) -> DataFrame:
    """`rows` with a column `reasons`: every promise that the row breaks, in the contract's order; empty for a good row.

    Of several rows with the same key, the first row of the first object is good; the others are duplicates. The same holds for
    the columns that are declared unique.
    """
    contract = rules.contract
    ragged = F.when(F.col(CORRUPT).isNotNull(), F.lit(rules.ragged))
    columns = [broken(column, rules.landing.format.point) for column in contract.columns]
    reasons = F.array_compact(F.array(ragged, *columns, *_wrong_partition(rules)))
    judged = rows.withColumn("reasons", reasons).withColumn("_order", F.monotonically_increasing_id())
    for name, values in rules.referenced.items():
        judged = _without_reference(judged, rules, contract.column(name), values)
    if contract.key:
        judged = _twice(judged, rules, contract.key, as_text=_AS_TEXT)
    for column in contract.columns:
        if column.unique:
            judged = _twice(judged, rules, (column.name,), as_text=())
    return judged.drop("_order")


def _wrong_partition(rules: Rules) -> list[SparkColumn]:
    """The reason of a row that says another partition than that of its folder; nothing if rows say none."""
    contract, calendar = rules.contract, rules.landing.calendar
    if not contract.partition_by:
        return []
    column = contract.column(contract.partition_by)
    value, shown = rules.typed(column), F.concat(F.lit(" ("), F.col(column.name), F.lit(")"))
    if column.type == "timestamp":
        name = _holding(value, calendar.timezone, hourly=calendar.hourly)
        return [F.when(name != F.col("dt"), F.concat(F.lit(f"{column.name} is not in the partition"), shown))]
    if not contract.partition_hour:
        return [F.when(value != F.col("dt"), F.concat(F.lit(f"{column.name} is not the partition's day"), shown))]
    hour = contract.column(contract.partition_hour)
    name = _hour_name(value, rules.typed(hour))
    shown = F.concat(F.lit(" ("), F.col(column.name), F.lit(", "), F.col(hour.name), F.lit(")"))
    what = f"{column.name}, {hour.name} are not the partition's hour"
    return [F.when(name != F.col("dt"), F.concat(F.lit(what), shown))]


def _holding(moment: SparkColumn, timezone: str, *, hourly: bool) -> SparkColumn:
    """The partition that holds a moment, as `dt` has it. It is computed without the time zone of Spark's session."""
    seconds = F.unix_seconds(F.from_utc_timestamp(moment, timezone))
    day = F.date_from_unix_date(F.floor(seconds / 86400).cast("int"))
    return _hour_name(day, F.floor(F.pmod(seconds, F.lit(86400)) / 3600)) if hourly else day


def _hour_name(day: SparkColumn, hour: SparkColumn) -> SparkColumn:
    """The name of an hour: 2012-12-25T07."""
    return F.concat(day.cast("string"), F.lit("T"), F.lpad(hour.cast("string"), 2, "0"))


def _without_reference(judged: DataFrame, rules: Rules, column: Column, values: DataFrame) -> DataFrame:
    """Adds the reason of rows whose value is not in the table that the column refers to."""
    there = values.select(
        F.col("value").alias("_value"), *([F.col("dt").alias("_dt")] if "dt" in values.columns else [])
    ).distinct()
    value = rules.typed(column)
    condition = value == F.col("_value")
    if "_dt" in there.columns:
        condition = condition & (F.col("dt") == F.col("_dt"))
    joined = judged.join(there, condition, "left")
    shown = F.concat(F.lit(" ("), F.substring(column.name, 1, 40), F.lit(")"))
    missing = value.isNotNull() & F.col("_value").isNull()
    reason = F.concat(F.lit(f"{column.name} is not in {column.references}"), shown)
    reasons = F.when(missing, F.array_append("reasons", reason)).otherwise(F.col("reasons"))
    return joined.withColumn("reasons", reasons).drop("_value", "_dt")


def _twice(judged: DataFrame, rules: Rules, names: tuple[str, ...], *, as_text: tuple[str, ...]) -> DataFrame:
    """Gives every good row that repeats the values of an earlier one its reason. Rows without a value do not repeat any."""
    columns = [rules.contract.column(name) for name in names]
    values = [F.col(column.name) if column.type in as_text else rules.typed(column) for column in columns]
    first = Window.partitionBy("dt", F.size("reasons") == 0, *values).orderBy("source", "_order")
    again = (F.size("reasons") == 0) & (F.row_number().over(first) > 1)
    for column in columns:
        if column.nullable:
            again = again & rules.typed(column).isNotNull()
    shown = F.concat_ws(", ", *[F.trim(name) for name in names])
    twice = F.concat(F.lit(f"{', '.join(names)} is there twice ("), shown, F.lit(")"))
    return judged.withColumn("reasons", F.when(again, F.array(twice)).otherwise(F.col("reasons")))


def kept(judged: DataFrame, rules: Rules) -> DataFrame:
    """The good rows, typed."""
    good = judged.where(F.size("reasons") == 0)
    return good.select(*[rules.typed(column).alias(column.name) for column in rules.contract.columns], "source", "dt")


def quarantined(judged: DataFrame, contract: Contract) -> DataFrame:
    """The bad rows: `dt`, `source`, `reasons`, and the row as it landed, as JSON. Of a row without any value it is the text."""
    nothing = F.col(CORRUPT).isNotNull() & F.coalesce(*contract.names).isNull()
    raw = F.when(nothing, F.to_json(F.struct(CORRUPT))).otherwise(F.to_json(F.struct(*contract.names)))
    return judged.where(F.size("reasons") > 0).select("dt", "source", "reasons", raw.alias("row"))


def verdicts(judged: DataFrame) -> list[Verdict]:
    """One verdict per partition, in one pass."""
    reason = F.try_element_at("reasons", F.lit(1))
    counted = (
        judged.select("dt", F.substring_index(reason, " (", 1).alias("kind"), reason.alias("example"))
        .groupBy("dt", "kind")
        .agg(F.count("*").alias("rows"), F.min("example").alias("example"))
        .collect()
    )
    day_verdicts = []
    for day in sorted({row.dt for row in counted}):
        of_day = sorted((row for row in counted if row.dt == day), key=lambda row: (-row.rows, row.kind or ""))
        reasons = {row.kind: (row.rows, row.example) for row in of_day if row.kind is not None}
        good = sum(row.rows for row in of_day if row.kind is None)
        bad = sum(rows for rows, _ in reasons.values())
        day_verdicts.append(Verdict(partition=str(day), rows=good, quarantined=bad, reasons=reasons))
    return day_verdicts
