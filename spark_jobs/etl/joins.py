"""Joins for transforms: by a key, and as of a time. Both keep every row: where nothing matches, the joined columns are null.

They are transforms themselves, for features that are the landed rows beside another table's columns:
`Transform(function="spark_jobs.etl.joins:by_key", arguments={"key": "city"}, tables={"other": Joined(table=DAYS)})`.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from landfall.errors import ComputeError


def by_key(rows: DataFrame, other: DataFrame, key: str, prefix: str = "") -> DataFrame:
    """`rows` with the columns of the row of `other` that has the same `dt` and the same key.

    Args:
        rows: The rows.
        other: The joined table. It has at most one row for each `dt` and key.
        key: The columns of the key, with commas between them. Both sides have them; empty if `other` has one row for a `dt`.
        prefix: What the names of the joined columns begin with.

    Raises:
        ComputeError: a side lacks a column of the key, or a joined column has the name of one of `rows`.
    """
    on = [*_names(key), "dt"]
    return rows.join(_renamed(rows, other, on, prefix), on, "left")


def as_of(rows: DataFrame, other: DataFrame, time: str, key: str = "", prefix: str = "") -> DataFrame:
    """`rows` with the columns of the newest row of `other` whose `time` is not after theirs, with the same `dt` and key.

    Args:
        rows: The rows.
        other: The joined table. Of rows with the same key and time, any one is taken.
        time: The timestamp column of both sides.
        key: The columns of the key, with commas between them; empty if there is none.
        prefix: What the names of the joined columns begin with.

    Raises:
        ComputeError: a side lacks a column of the key or the time, or a joined column has the name of one of `rows`.
    """
    on = [*_names(key), "dt"]
    right = _renamed(rows, other, [*on, time], prefix).where(F.col(time).isNotNull())
    added = [name for name in right.columns if name not in (*on, time)]
    left = rows.select(*on, time, F.lit(1).alias("_kind"), F.struct(*rows.columns).alias("_row"))
    both = left.unionByName(
        right.select(*on, time, F.lit(0).alias("_kind"), F.struct(*added).alias("_other")), allowMissingColumns=True
    )
    so_far = Window.partitionBy(*on).orderBy(time, "_kind").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    matched = both.withColumn("_other", F.last("_other", ignorenulls=True).over(so_far)).where("_kind = 1")
    return matched.select("_row.*", "_other.*")


def _names(key: str) -> list[str]:
    return [name.strip() for name in key.split(",") if name.strip()]


def _renamed(rows: DataFrame, other: DataFrame, on: list[str], prefix: str) -> DataFrame:
    """`other` with the prefix before the names of its columns that are not in `on`."""
    for side, columns in (("rows", rows.columns), ("joined table", other.columns)):
        if missing := [name for name in on if name not in columns]:
            raise _refused(f"The {side} of a join lack the column `{missing[0]}`.", f"columns: {', '.join(columns)}")
    names = {name: f"{prefix}{name}" for name in other.columns if name not in on}
    if twice := [name for name in names.values() if name in rows.columns]:
        raise _refused(
            f"The rows have a column `{twice[0]}` already.", f"columns of the joined table: {', '.join(names)}"
        )
    return other.select(*on, *[F.col(name).alias(new) for name, new in names.items()])


def _refused(what: str, looked: str) -> ComputeError:
    return ComputeError(
        what,
        looked=looked,
        left="nothing was written",
        next="mend Transform.arguments (key, time, prefix)",
        fault="request",
    )
