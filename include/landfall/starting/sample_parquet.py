"""Looks at a Parquet sample: its schema and its first rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfall.spec import Parquet
from landfall.starting.sample import MOST_ROWS, Sample, SampleColumn, refused

if TYPE_CHECKING:
    import pyarrow as pa


def read(path: Path) -> Sample:
    """The sample at `path`. Only the pages of its first rows are unpacked; the headers of all are checked first.

    Raises:
        SpecError: the file is not Parquet, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from spark_jobs.formats.pages import BrokenPages, check_pages

    try:
        with path.open("rb") as raw:
            check_pages(raw, path.stat().st_size)
        with pq.ParquetFile(path, pre_buffer=False) as file:
            batch = next(file.iter_batches(batch_size=MOST_ROWS), None)
            return _sample(path, file.schema_arrow, batch, file.metadata.num_rows)
    except (BrokenPages, pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise refused(path, "is not whole Parquet", looked=f"{path}: {str(error).splitlines()[0][:160]}") from error


def _sample(path: Path, schema: "pa.Schema", batch: "pa.RecordBatch | None", total: int) -> Sample:
    """The sample of the first rows of a file that has `total` rows.

    Raises:
        UnicodeDecodeError: a text is not UTF-8.
    """
    left_out = {field.name: f"it holds {field.type}" for field in schema if _kind(field.type) is None}
    left_out |= dict.fromkeys(
        (name for name in schema.names if name.startswith("__index_level_")), "it is pandas' index"
    )
    rows = batch.num_rows if batch is not None else 0
    columns = []
    for position, field in enumerate(schema):
        texts = _texts(batch.column(position) if batch is not None else [])
        if "nan" in texts and _kind(field.type) == "double":
            left_out.setdefault(field.name, "it has NaN, which is no number: write null where there is no value")
        if field.name not in left_out:
            columns.append(SampleColumn(field.name, texts, _kind(field.type) or ""))
    return Sample(path, Parquet(), tuple(columns), rows, rows == total, left_out)


def _kind(arrow: Any) -> str | None:
    """The contract's kind of an Arrow type; empty if the values decide, None if a contract has no such type."""
    import pyarrow.types as types

    kinds = {
        "boolean": types.is_boolean,
        "date": types.is_date,
        "timestamp": lambda one: types.is_timestamp(one) and one.unit != "ns",  # Spark reads no nanoseconds
        "double": types.is_floating,
        "bigint": types.is_integer,
        "decimal": types.is_decimal,
        "text": lambda one: types.is_string(one) or types.is_large_string(one),
    }
    if types.is_dictionary(arrow):
        return _kind(arrow.value_type)
    return next((kind for kind, matches in kinds.items() if matches(arrow)), None)


def _texts(values: Any) -> tuple[str | None, ...]:
    return tuple(_text(value.as_py()) for value in values)


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or value == "" else str(value)
