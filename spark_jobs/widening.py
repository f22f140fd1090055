"""Widens columns of a Delta table, so that rows of a contract whose types have become wider can be written beside older ones."""

import re
from typing import TYPE_CHECKING

from landfall.errors import ComputeError
from spark_jobs.lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

WIDER = {
    "int": ("bigint", "double"),
    "float": ("double",),
}
"""Type -> the types that hold all of its values and that Delta changes it into without writing a file again
(docs.delta.io/latest/delta-type-widening.html)."""
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_DIGITS = {"int": 10, "bigint": 20}


def fit(frame: "DataFrame", lake: Lake, name: str, present: "StructType") -> "DataFrame":
    """The rows of `frame` with types that the table has, after each of its columns that was narrower has been widened.

    Older files stay as they are: Delta reads their values as the new type. A widened table can be read only by readers that
    know Delta's feature `typeWidening`. A column of `frame` that is narrower than the table's gets the table's type.

    Args:
        frame: The rows.
        lake: Where the table is.
        name: The table.
        present: Its schema.

    Raises:
        ComputeError: the values of a column, and the table's, do not fit into one type.
    """
    types = {field.name: field.dataType.simpleString() for field in present}
    wider: dict[str, str] = {}
    for field in frame.schema:
        after = field.dataType.simpleString()
        before = types.get(field.name, after)
        if before != after and _holds(before, after):
            wider[field.name] = after
        elif before != after and _holds(after, before):
            frame = frame.withColumn(field.name, frame[field.name].cast(before))
        elif before != after:
            raise ComputeError(
                f"The column `{field.name}` of `{name}` is {before}, and the new rows have {after}.",
                looked=lake.address(name),
                left="the tables are untouched, what was published stays",
                next="give the column another name in the contract or in the transform",
                fault="request",
            )
    table, spark = lake.sql_name(name), frame.sparkSession
    if wider:
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')")
    for column, after in wider.items():
        spark.sql(f"ALTER TABLE {table} ALTER COLUMN `{column}` TYPE {after}")
    return frame


def _holds(before: str, after: str) -> bool:
    """True if the type `after` holds every value of `before`, and Delta widens the one into the other."""
    if after in WIDER.get(before, ()):
        return True
    wanted, held = _DECIMAL.fullmatch(after), _DECIMAL.fullmatch(before)
    if not wanted:
        return False
    whole, fraction = int(wanted[1]) - int(wanted[2]), int(wanted[2])
    if held:
        return whole >= int(held[1]) - int(held[2]) and fraction >= int(held[2])
    return before in _DIGITS and whole >= _DIGITS[before]
