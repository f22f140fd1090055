"""A person's CSV file, in the dialect of its feed: its header checked, its rows read once, in order."""

import csv
import gzip
import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NoReturn

from landfall.landing.by_hand.belonging import Belonging
from landfall.landing.by_hand.header import positions_of
from landfall.landing.by_hand.refusals import command, refuse
from landfall.spec import Csv, Feed, Partition


@dataclass
class CsvSource:
    """An open file whose header has every column of the feed's contract."""

    name: str
    feed: Feed
    path: Path
    dialect: Csv
    belonging: Belonging
    positions: tuple[int | None, ...]
    """The positions of the contract's columns in a row of the file, in the contract's order; None for one that it lacks."""
    left_out: tuple[str, ...]
    """Columns of the file that the contract does not have."""
    _raw: IO[bytes]
    _lines: Iterator[list[str]]
    _width: int

    @property
    def point(self) -> str:
        """The decimal point of its numbers."""
        return self.dialect.point

    @property
    def without_rows(self) -> str:
        """What the file has if it has no rows."""
        return "a header and no rows" if self.dialect.header else "no rows"

    @property
    def bytes_read(self) -> int:
        """How far the file has been read, in bytes (compressed bytes if it is gzip)."""
        return self._raw.tell()

    def rows(self) -> Iterator[tuple[Partition, list[str]]]:
        """Each row's partition, and its values in the contract's order, as exactly the text of the file. Can be read once.

        Raises:
            LandingError: a row has more or fewer values than the header, says no partition, or its bytes are of another
                encoding.
        """
        by = [self.positions[column] for column in self.belonging.columns]
        in_order = self.positions == tuple(range(self._width))
        for line in self._lines:
            if not line:
                continue
            if len(line) != self._width:
                self._refuse_width(len(line))
            partition = self.belonging.partition(
                [line[place] if place is not None else "" for place in by], self._where
            )
            yield partition, line if in_order else ["" if place is None else line[place] for place in self.positions]

    def _where(self) -> str:
        return f"{self.path}:{self._lines.line_num}"  # type: ignore[attr-defined]

    def _refuse_width(self, width: int) -> NoReturn:
        noun = {",": "a comma"}.get(self.dialect.delimiter, repr(self.dialect.delimiter))
        above = (
            f"under a header of {self._width} columns" if self.dialect.header else f"where {self._width} are expected"
        )
        refuse(
            f"File `{self.path.name}` has a row of {width} values {above}.",
            looked=f"{self._where()}: the row is cut off, or a value holds {noun} without quotes",
            next=f"correct that line, then: {command(self.name, self.path)}",
        )


@contextmanager
def open_csv(
    name: str, feed: Feed, path: Path, raw: IO[bytes], *, packed: bool, into: Partition | None
) -> Iterator[CsvSource]:
    """The file as rows of the feed. A feed of another format takes CSV with commas and a header.

    Raises:
        LandingError: the file is empty, not CSV, of another encoding, or lacks a column; or reading it fails later, inside
            the `with`.
    """
    dialect = feed.landing.format if isinstance(feed.landing.format, Csv) else Csv()
    belonging = Belonging(name, feed, str(path), into)
    bytes_ = gzip.GzipFile(fileobj=raw) if packed else raw
    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    text = io.TextIOWrapper(bytes_, encoding=encoding, newline="")
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    lines = csv.reader(
        _lines(name, path, text, feed.contract.max_line_bytes),
        strict=True,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=quoting,
    )
    try:
        header = next((line for line in lines if line), []) if dialect.header else list(feed.contract.names)
        if not header:
            refuse(f"File `{path.name}` is empty.", looked=f"{path}: no line", next=command(name, "FILE.csv"))
        positions, left_out = positions_of(header, name, feed, path, dialect)
        yield CsvSource(name, feed, path, dialect, belonging, positions, left_out, raw, lines, len(header))
    except UnicodeDecodeError as error:
        _refuse_encoding(name, path, error, dialect.encoding, feed.contract.max_line_bytes)
    except csv.Error as error:
        refuse(
            f"File `{path.name}` is not well-formed CSV.",
            looked=f"{path}:{lines.line_num}: {error}",
            next=f"correct that line, then: {command(name, path)}",
        )


def _lines(name: str, path: Path, text: IO[str], limit: int) -> Iterator[str]:
    """The lines of the file. A line of more than `limit` characters is refused before all of it is in memory."""
    number = 0
    while line := text.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(("\n", "\r")):
            refuse_long_line(name, path, number, line[:40], limit)
        yield line


def refuse_long_line(name: str, path: Path, number: int, begins: str, limit: int) -> NoReturn:
    """Raises the error for a line of more than `limit` characters."""
    refuse(
        f"File `{path.name}` has a line of more than {limit:,} characters.",
        looked=f"{path}:{number}: {begins!r}... (Contract.max_line_bytes)",
        next=f"correct that line, then: {command(name, path)}",
    )


def _refuse_encoding(name: str, path: Path, error: UnicodeDecodeError, encoding: str, limit: int) -> NoReturn:
    number, error = _undecodable(path, error, encoding, limit)
    guess = "utf-16" if number == 1 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"
    if encoding != "utf-8":
        guess = "utf-8"
    suffix = encoding.replace("-", "")
    corrected = path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.csv')}.{suffix}.csv")
    reading = f"zcat {shlex.quote(str(path))} |" if path.suffix == ".gz" else f"< {shlex.quote(str(path))}"
    refuse(
        f"File `{path.name}` is not {encoding.upper()}; it may be {guess}.",
        looked=f"{path}:{number}: byte {error.object[error.start]:#04x} at column {error.start + 1}",
        next=f"{reading} iconv -f {guess} -t {encoding} > {shlex.quote(str(corrected))} && {command(name, corrected)}",
    )


def _undecodable(path: Path, error: UnicodeDecodeError, encoding: str, limit: int) -> tuple[int, UnicodeDecodeError]:
    """The first line that cannot be decoded. The reader reads ahead, so it is searched for again, in at most `limit` bytes a
    line."""
    number = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        while line := lines.readline(limit):
            number += 1
            try:
                line.decode(encoding)
            except UnicodeDecodeError as undecodable:
                return number, undecodable
    return number, error
