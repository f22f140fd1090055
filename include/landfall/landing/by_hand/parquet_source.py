"""A person's Parquet file, read once, in order."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from landfall.landing.by_hand.belonging import Belonging
from landfall.landing.by_hand.header import positions_of
from landfall.landing.by_hand.refusals import command, refuse
from landfall.spec import Csv, Feed, Partition

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_ROWS = 50_000


@dataclass
class ParquetSource:
    """An open file that has every column of the feed's contract."""

    name: str
    feed: Feed
    path: Path
    belonging: Belonging
    positions: tuple[int | None, ...]
    left_out: tuple[str, ...]
    _file: "pq.ParquetFile"
    _raw: IO[bytes]
    point: str = "."

    @property
    def without_rows(self) -> str:
        """What the file has if it has no rows."""
        return "no rows"

    @property
    def bytes_read(self) -> int:
        """How far the file has been read, in bytes."""
        return self._raw.tell()

    def rows(self) -> Iterator[tuple[Partition, list[str]]]:
        """Each row's partition, and its values in the contract's order, as text; empty where one is absent. Can be read once.

        Raises:
            LandingError: a row says no partition.
        """
        names, number = self._file.schema_arrow.names, 0
        held = [None if place is None else names[place] for place in self.positions]

        def where() -> str:
            return f"{self.path}, row {number}"

        for batch in self._file.iter_batches(_ROWS, columns=[name for name in held if name]):
            columns = [batch.column(name).to_pylist() if name else [None] * batch.num_rows for name in held]
            for row in zip(*columns, strict=True):
                number += 1
                values = [_text(value) for value in row]
                yield self.belonging.partition([values[place] for place in self.belonging.columns], where), values


@contextmanager
def open_parquet(
    name: str, feed: Feed, path: Path, raw: IO[bytes], *, packed: bool, into: Partition | None
) -> Iterator[ParquetSource]:
    """The file as rows of the feed.

    Raises:
        LandingError: it is not whole Parquet, or lacks a column.
    """
    import pyarrow.parquet as pq

    from spark_jobs.formats.pages import BrokenPages, check_pages

    belonging = Belonging(name, feed, str(path), into)
    try:
        check_pages(raw, raw.seek(0, os.SEEK_END))
        raw.seek(0)
        file = pq.ParquetFile(raw)
        positions, left_out = positions_of(file.schema_arrow.names, name, feed, path, Csv())
        yield ParquetSource(name, feed, path, belonging, positions, left_out, file, raw)
    except (BrokenPages, OSError, ValueError) as error:
        looked = str(error).partition("\n")[0][:200]
        refuse(
            f"File `{path.name}` is not whole Parquet.", looked=f"{path}: {looked}", next=command(name, "FILE.parquet")
        )


def _text(value: object) -> str:
    """The text of a value that Parquet holds."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return format(value, "f") if type(value).__name__ == "Decimal" else str(value)
