"""A CSV file that a person wants to land: opened, its header checked, its rows read once, in order.

Only the header and the date of each row are checked here. Whether the values make sense is checked later, on Spark, by the
contract. If anything here fails, nothing has landed.
"""

import csv
import gzip
import io
import shlex
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from landfall.errors import LandingError, SpecError
from landfall.landing.by_hand.header import positions_of
from landfall.pipelines import find_feed
from landfall.spec import Feed, Partition

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


@dataclass
class CsvSource:
    """An open file whose header has every column of the feed's contract."""

    name: str
    feed: Feed
    path: Path
    positions: tuple[int, ...]
    """The positions of the contract's columns in a row of the file, in the contract's order."""
    left_out: tuple[str, ...]
    """Columns of the file that the contract does not have."""
    _raw: IO[bytes]
    _lines: Iterator[list[str]]
    _width: int

    @property
    def bytes_read(self) -> int:
        """How far the file has been read, in bytes (compressed bytes if it is gzip)."""
        return self._raw.tell()

    def rows(self) -> Iterator[tuple[Partition, list[str]]]:
        """Each row's partition, and its values in the contract's order, as exactly the text of the file. Can be read once.

        Raises:
            LandingError: a row has more or fewer values than the header, a date is not a day, or the bytes are not UTF-8.
        """
        names = self.feed.contract.names
        dated = self.positions[names.index(self.feed.contract.partition_by)]
        in_order = self.positions == tuple(range(self._width))
        partitions: dict[str, Partition] = {}
        for line in self._lines:
            if not line:
                continue
            if len(line) != self._width:
                self._refuse_width(len(line))
            day = line[dated]
            if day not in partitions:
                partitions[day] = self._partition(day)
            yield partitions[day], line if in_order else [line[position] for position in self.positions]

    @property
    def _where(self) -> str:
        return f"{self.path}:{self._lines.line_num}"  # type: ignore[attr-defined]

    def _partition(self, day: str) -> Partition:
        try:
            return Partition.parse(day)
        except SpecError as error:
            column = self.feed.contract.partition_by
            refuse(
                f"File `{self.path.name}` has `{day}` in column `{column}`, which is not a day.",
                looked=f"{self._where}: {error.looked}",
                next=f"correct that line, then: {command(self.name, self.path)}",
            )

    def _refuse_width(self, width: int) -> NoReturn:
        refuse(
            f"File `{self.path.name}` has a row of {width} values under a header of {self._width} columns.",
            looked=f"{self._where}: the row is cut off, or a value holds a comma without quotes",
            next=f"correct that line, then: {command(self.name, self.path)}",
        )


@contextmanager
def open_source(name: str, path: Path) -> Iterator[CsvSource]:
    """The file at `path`, as rows for the feed called `name`, such as `bike_demand/actuals`. Gzip is read if it is named `.gz`.

    Raises:
        SpecError: there is no such feed.
        LandingError: the file is missing, a folder, empty, not CSV, not UTF-8, or lacks a column; or reading it fails
            later, inside the `with`.
    """
    feed = find_feed(name)
    _check_file(name, path)
    try:
        with path.open("rb") as raw:
            packed = _is_packed(name, path, raw)
            bytes_ = gzip.GzipFile(fileobj=raw) if packed else raw
            text = io.TextIOWrapper(bytes_, encoding="utf-8-sig", newline="")
            lines = csv.reader(_lines(name, path, text, feed.contract.max_line_bytes), strict=True)
            header = next((line for line in lines if line), [])
            if not header:
                refuse(f"File `{path.name}` is empty.", looked=f"{path}: no line", next=command(name, "FILE.csv"))
            positions, left_out = positions_of(header, name, feed, path)
            yield CsvSource(name, feed, path, positions, left_out, raw, lines, len(header))
    except PermissionError as error:
        allow = f"chmod u+r {shlex.quote(str(path))} && {command(name, path)}"
        refuse(f"File `{path.name}` may not be read.", looked=f"{path}: {error.strerror}", next=allow)
    except UnicodeDecodeError as error:
        _refuse_encoding(name, path, error)
    except csv.Error as error:
        looked = f"{path}:{lines.line_num}: {error}"
        _refuse_csv(name, path, looked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        test = f"gzip --test {shlex.quote(str(path))}    (then fetch the file again)"
        refuse(f"File `{path.name}` is not whole gzip.", looked=f"{path}: {error}", next=test)


def command(name: str, path: Path | str) -> str:
    """The command that lands `path`, ready to paste into a shell."""
    return f"landfall land {name} {shlex.quote(str(path))}"


def refuse(what: str, *, looked: str, next: str) -> NoReturn:
    """Raises a `LandingError` before anything has landed."""
    raise LandingError(what, looked=looked, left="nothing landed", next=next) from None


def _check_file(name: str, path: Path) -> None:
    if path.is_dir():
        refuse(
            f"`{path}` is a folder, not a file.",
            looked=f"it has: {_listing(path)}",
            next=command(name, path / "FILE.csv"),
        )
    if path.exists():
        return
    from difflib import get_close_matches

    siblings = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, siblings, n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    sample = f"landfall sample {name.partition('/')[0]} --out data    (writes files to try with)"
    refuse(
        f"There is no file `{path.name}`.{hint}",
        looked=str(path.absolute().parent),
        next=command(name, path.with_name(near[0])) if near else sample,
    )


def _listing(folder: Path) -> str:
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith((".csv", ".csv.gz")))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "no CSV file"


def _is_packed(name: str, path: Path, raw: IO[bytes]) -> bool:
    """True if the file is gzip; a name that says otherwise is refused."""
    magic = raw.read(4)
    raw.seek(0)
    named = path.suffix == ".gz"
    if not magic:
        refuse(f"File `{path.name}` is empty.", looked=f"{path}: 0 bytes", next=command(name, "FILE.csv"))
    if magic == _ZIP:
        unzip = f"unzip {shlex.quote(str(path))}, then: {command(name, 'FILE.csv')}"
        refuse(f"File `{path.name}` is a zip archive, not CSV.", looked=f"{path}: begins with `PK`", next=unzip)
    packed = magic.startswith(_GZIP)
    if packed and not named:
        corrected = path.with_name(path.name + ".gz")
        rename = f"mv {shlex.quote(str(path))} {shlex.quote(str(corrected))} && {command(name, corrected)}"
        refuse(
            f"File `{path.name}` is gzip, but its name does not end in .gz.",
            looked=f"{path}: begins with 1f 8b",
            next=rename,
        )
    if named and not packed:
        corrected = path.with_suffix("")
        rename = f"mv {shlex.quote(str(path))} {shlex.quote(str(corrected))} && {command(name, corrected)}"
        refuse(
            f"File `{path.name}` is not gzip, but its name ends in .gz.",
            looked=f"{path}: does not begin with 1f 8b",
            next=rename,
        )
    return named


def _lines(name: str, path: Path, text: IO[str], limit: int) -> Iterator[str]:
    """The lines of the file. A line of more than `limit` characters is refused before all of it is in memory."""
    number = 0
    while line := text.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(("\n", "\r")):
            refuse(
                f"File `{path.name}` has a line of more than {limit:,} characters.",
                looked=f"{path}:{number}: {line[:40]!r}... (Contract.max_line_bytes)",
                next=f"correct that line, then: {command(name, path)}",
            )
        yield line


def _refuse_csv(name: str, path: Path, looked: str) -> NoReturn:
    refuse(
        f"File `{path.name}` is not well-formed CSV.",
        looked=looked,
        next=f"correct that line, then: {command(name, path)}",
    )


def _refuse_encoding(name: str, path: Path, error: UnicodeDecodeError) -> NoReturn:
    number, error = _undecodable(path, error, find_feed(name).contract.max_line_bytes)
    guess = "utf-16" if number == 1 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"
    corrected = path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.csv')}.utf8.csv")
    reading = f"zcat {shlex.quote(str(path))} |" if path.suffix == ".gz" else f"< {shlex.quote(str(path))}"
    refuse(
        f"File `{path.name}` is not UTF-8; it may be {guess}.",
        looked=f"{path}:{number}: byte {error.object[error.start]:#04x} at column {error.start + 1}",
        next=f"{reading} iconv -f {guess} -t utf-8 > {shlex.quote(str(corrected))} && {command(name, corrected)}",
    )


def _undecodable(path: Path, error: UnicodeDecodeError, limit: int) -> tuple[int, UnicodeDecodeError]:
    """The first line that is not UTF-8. The reader reads ahead, so it is searched for again, in at most `limit` bytes a line."""
    number = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        while line := lines.readline(limit):
            number += 1
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as undecodable:
                return number, undecodable
    return number, error
