"""The types of Parquet's columns that can be read as text, and how."""

from typing import TYPE_CHECKING

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from landfall.spec.column import Column

if TYPE_CHECKING:
    import pyarrow as pa

VOID = "void"
"""The type of a column without any value."""
_PLAIN = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "smallint",
    "uint16": "int",
    "uint32": "bigint",
    "uint64": "decimal(20,0)",
    "float": "float",
    "double": "double",
    "string": "string",
    "large_string": "string",
    "binary": "binary",
    "large_binary": "binary",
    "date32[day]": "date",
    "null": VOID,
}
"""Arrow's name of a type -> Spark's."""
INSTANT, LOCAL = "timestamp", "timestamp_ntz"
_FLOATS = ("float", "double")
_LARGEST = 10.0**15
"""Whole numbers up to here are exact in floating point."""
_DAY = 86_400_000_000


def spark_type(kind: "pa.DataType", physical: str) -> str | None:
    """Spark's name for the type of a column; None if its values have no text.

    Args:
        kind: Its type in Arrow.
        physical: Its type in the file.
    """
    import pyarrow.types as types

    if physical == "INT96":
        return INSTANT
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_decimal(kind) and kind.precision <= 38 and kind.scale >= 0:
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_timestamp(kind) and kind.unit != "ns":
        return INSTANT if kind.tz else LOCAL
    return _PLAIN.get(str(kind))


def as_text(value: SparkColumn, kind: str, column: Column) -> SparkColumn:
    """The text that a CSV file would hold for a value.

    Args:
        value: The value, of Spark's type `kind`.
        kind: Its type, as `spark_type` gave it.
        column: The column of the contract. A number that only has a fraction because its column is of floats is written as a
            whole number, if the contract has whole numbers; and likewise midnight as a day.
    """
    if kind == VOID:
        return F.lit(None).cast("string")
    if kind == INSTANT:
        return _instant(value)
    text = value.cast("string")
    if kind in _FLOATS and column.type in ("int", "bigint"):
        whole = (value == F.floor(value)) & (F.abs(value) <= _LARGEST)
        return F.when(whole, value.cast("bigint").cast("string")).otherwise(text)
    if kind == LOCAL and column.type == "date":
        return F.regexp_replace(text, " 00:00:00$", "")
    return text


def _instant(value: SparkColumn) -> SparkColumn:
    """The moment in UTC, computed without the time zone of Spark's session."""
    micros = F.unix_micros(value)
    day = F.date_from_unix_date(F.floor(micros / _DAY).cast("int")).cast("string")
    rest = F.pmod(micros, F.lit(_DAY))
    seconds = F.floor(rest / 1_000_000)
    clock = F.format_string(
        "T%02d:%02d:%02d.%06dZ",
        F.floor(seconds / 3600),
        F.floor(seconds / 60) % 60,
        seconds % 60,
        rest % 1_000_000,
    )
    return F.concat(day, clock)
