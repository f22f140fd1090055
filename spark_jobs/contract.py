"""Checks the contract row by row: typed values where they are good, the reasons where they are not."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from landfall.spec.contract import Column, Contract
from landfall.spec.reports import Verdict

CORRUPT = "_corrupt"
"""The column with the text of a row that does not fit the file's columns."""

_FORMS = {"int": r"^[+-]?\d{1,9}$", "date": r"^\d{4}-\d{2}-\d{2}$"}
_NOUNS = {"int": "a whole number", "double": "a number", "date": "a date", "string": "text"}


def typed(column: Column) -> SparkColumn:
    """The text of `column` as its type; null if it is not of that type (NaN and infinities are not numbers)."""
    text = F.trim(F.col(column.name))
    if column.type == "string":
        return text
    value = text.try_cast(column.type)
    if column.type == "double":
        infinite = F.abs(value) == float("inf")
        return F.when(~F.isnan(value) & ~infinite, value)
    return F.when(text.rlike(_FORMS[column.type]), value)


def broken(column: Column) -> SparkColumn:
    """Why the text of `column` breaks its promise; null if it keeps it."""
    text, value = F.col(column.name), typed(column)
    shown = F.concat(F.lit(" ("), F.coalesce(F.substring(text, 1, 40), F.lit("empty")), F.lit(")"))
    wrong = F.when(value.isNull(), F.concat(F.lit(f"{column.name} is not {_NOUNS[column.type]}"), shown))
    outside = F.lit(False)
    if column.minimum is not None:
        outside = outside | (value < column.minimum)
    if column.maximum is not None:
        outside = outside | (value > column.maximum)
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    return wrong.otherwise(F.when(outside, F.concat(F.lit(f"{column.name} is outside {low}..{high}"), shown)))


def judge(rows: DataFrame, contract: Contract) -> DataFrame:
    """`rows` with a column `reasons`: every promise that the row breaks, in the contract's order; empty for a good row.

    Of several rows with the same key, the first row of the first object is good; the others are duplicates.
    """
    day = next(column for column in contract.columns if column.name == contract.partition_by)
    shown_day = F.concat(F.lit(" ("), F.col(day.name), F.lit(")"))
    wrong_day = F.when(typed(day) != F.col("dt"), F.concat(F.lit(f"{day.name} is not the partition's day"), shown_day))
    ragged = F.when(F.col(CORRUPT).isNotNull(), F.lit(f"the row has not {len(contract.columns)} fields"))
    reasons = F.array_compact(F.array(ragged, *[broken(column) for column in contract.columns], wrong_day))
    judged = rows.withColumn("reasons", reasons).withColumn("_order", F.monotonically_increasing_id())
    first = Window.partitionBy("dt", F.size("reasons") == 0, *contract.key).orderBy("source", "_order")
    duplicate = (F.size("reasons") == 0) & (F.row_number().over(first) > 1)
    shown_key = F.concat_ws(", ", *[F.trim(name) for name in contract.key])
    twice = F.concat(F.lit(f"{', '.join(contract.key)} is there twice ("), shown_key, F.lit(")"))
    return judged.withColumn("reasons", F.when(duplicate, F.array(twice)).otherwise(F.col("reasons"))).drop("_order")


def kept(judged: DataFrame, contract: Contract) -> DataFrame:
    """The good rows, typed."""
    good = judged.where(F.size("reasons") == 0)
    return good.select(*[typed(column).alias(column.name) for column in contract.columns], "source", "dt")


def quarantined(judged: DataFrame, contract: Contract) -> DataFrame:
    """The bad rows: `dt`, `source`, `reasons`, and the row as it landed, as JSON."""
    raw = F.to_json(F.struct(*contract.names)).alias("row")
    return judged.where(F.size("reasons") > 0).select("dt", "source", "reasons", raw)


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
