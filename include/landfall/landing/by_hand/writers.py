"""Writes the rows of one partition as an object in the format of its feed."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from landfall.landing.by_hand.values import json_value, value
from landfall.spec import Column, Contract, Csv, Feed, FileFormat, JsonLines, Parquet

_NUMBERS = ("double", "decimal")


class Writer(Protocol):
    """Writes rows as lines of text while a file is split, and makes an object of them at the end."""

    encoding: str
    packs: int
    """How many times smaller than its text an object may be."""

    def head(self) -> str:
        """The text before the first row."""
        ...

    def line(self, values: Sequence[str]) -> str:
        """A row, with its line end. The values are in the contract's order; one that is absent is empty."""
        ...

    def finish(self, path: Path) -> None:
        """Makes the object of the text at `path`, in its place."""
        ...


class CsvWriter:
    """Writes CSV in a dialect."""

    packs = 1

    def __init__(self, contract: Contract, dialect: Csv, point: str) -> None:
        self.contract, self.dialect, self.encoding = contract, dialect, dialect.encoding
        self._point, self._moved = point, _moved(contract, point, dialect.point)

    def head(self) -> str:
        return csv_line(list(self.contract.names), self.dialect) if self.dialect.header else ""

    def line(self, values: Sequence[str]) -> str:
        moved = list(values)
        for place in self._moved:
            moved[place] = moved[place].replace(self._point, self.dialect.point)
        return csv_line(moved, self.dialect)

    def finish(self, path: Path) -> None:
        """The text is the object."""


class JsonWriter:
    """Writes JSON lines, with each value at its path and of its type."""

    encoding, packs = "utf-8", 1

    def __init__(self, contract: Contract, lines: JsonLines, point: str) -> None:
        self.contract, self._point, self._moved = contract, point, _moved(contract, point, ".")
        self._tree: dict[str, Any] = {}
        for place, column in enumerate(contract.columns):
            *above, last = lines.path(column.name)
            branch = self._tree
            for name in above:
                branch = branch.setdefault(name, {})
            branch[last] = (place, column)

    def head(self) -> str:
        return ""

    def line(self, values: Sequence[str]) -> str:
        moved = list(values)
        for place in self._moved:
            moved[place] = moved[place].replace(self._point, ".")
        return _json(self._tree, moved) + "\n"

    def finish(self, path: Path) -> None:
        """The text is the object."""


def _json(tree: Mapping[str, Any], values: Sequence[str]) -> str:
    text = Column(name="", type="string")
    parts = []
    for name, below in tree.items():
        below_text = _json(below, values) if isinstance(below, dict) else json_value(values[below[0]], below[1])
        parts.append(f"{json_value(name, text)}:{below_text}")
    return "{" + ",".join(parts) + "}"


class ParquetWriter:
    """Writes CSV while the file is split, and then Parquet. A column with a text of another type stays a column of texts."""

    encoding, packs = "utf-8", 16

    def __init__(self, contract: Contract, parquet: Parquet, point: str) -> None:
        self._lines = CsvWriter(contract, Csv(), point)

    def head(self) -> str:
        return ""

    def line(self, values: Sequence[str]) -> str:
        return self._lines.line(values)

    def finish(self, path: Path) -> None:
        """Holds one partition in memory, which is one object."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with path.open(encoding="utf-8", newline="") as text:
            rows = list(csv.reader(text, strict=True))
        columns = self._lines.contract.columns
        arrays = {column.name: _array([row[place] for row in rows], column) for place, column in enumerate(columns)}
        pq.write_table(pa.table(arrays), path, compression="zstd")


def _array(texts: Sequence[str], column: Column) -> Any:
    import pyarrow as pa

    types = {
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "string": pa.string(),
    }
    kind = pa.decimal128(column.precision, column.scale) if column.type == "decimal" else types[column.type]
    try:
        return pa.array([value(text, column) if text else None for text in texts], type=kind)
    except (ValueError, pa.ArrowException):
        return pa.array([text or None for text in texts], type=pa.string())


_WRITERS: Mapping[type[FileFormat], Callable[[Contract, Any, str], Writer]] = {
    Csv: CsvWriter,
    JsonLines: JsonWriter,
    Parquet: ParquetWriter,
}


def writer_of(feed: Feed, point: str) -> Writer:
    """The writer of a feed's format, for rows whose numbers have the decimal point `point`."""
    return _WRITERS[type(feed.landing.format)](feed.contract, feed.landing.format, point)


def csv_line(values: Sequence[str], dialect: Csv | None = None) -> str:
    """The values as one line of CSV; a value is quoted only if it could not be read back otherwise."""
    mark, quote = (dialect.delimiter, dialect.quote) if dialect else (",", '"')
    line = mark.join(values)
    if line.count(mark) == len(values) - 1 and (quote or '"') not in line and "\r" not in line and "\n" not in line:
        return line + "\n"
    if not quote:
        return line + "\n"
    signs = (mark, quote, "\r", "\n")
    quoted = (f"{quote}{v.replace(quote, quote * 2)}{quote}" if any(sign in v for sign in signs) else v for v in values)
    return mark.join(quoted) + "\n"


def _moved(contract: Contract, before: str, after: str) -> list[int]:
    """The positions of the columns whose decimal point is another one in the object."""
    columns = enumerate(contract.columns)
    return [place for place, column in columns if column.type in _NUMBERS] if before != after else []
