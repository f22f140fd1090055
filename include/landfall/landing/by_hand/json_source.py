"""A person's file of JSON lines, read once, in order."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from landfall.landing.by_hand.belonging import Belonging
from landfall.landing.by_hand.csv_source import refuse_long_line
from landfall.landing.by_hand.refusals import command, refuse
from landfall.spec import Feed, JsonLines, Partition


@dataclass
class JsonSource:
    """An open file of JSON objects."""

    name: str
    feed: Feed
    path: Path
    belonging: Belonging
    lines: JsonLines
    _raw: IO[bytes]
    _text: IO[bytes]
    left_out: tuple[str, ...] = ()
    point: str = "."

    @property
    def without_rows(self) -> str:
        """What the file has if it has no rows."""
        return "no rows"

    @property
    def bytes_read(self) -> int:
        """How far the file has been read, in bytes (compressed bytes if it is gzip)."""
        return self._raw.tell()

    def rows(self) -> Iterator[tuple[Partition, list[str]]]:
        """Each row's partition, and its values in the contract's order, as text; empty where one is absent. Can be read once.

        Raises:
            LandingError: a line is no JSON object or too long, or says no partition.
        """
        contract, number = self.feed.contract, 0
        paths = [self.lines.path(column.name) for column in contract.columns]
        older = [self.lines.path(column.renamed_from) if column.renamed_from else () for column in contract.columns]

        def where() -> str:
            return f"{self.path}:{number}"

        for line in iter(lambda: self._text.readline(contract.max_line_bytes + 2), b""):
            number += 1
            if len(line.rstrip(b"\r\n")) > contract.max_line_bytes:
                begins = line[:40].decode(errors="replace")
                refuse_long_line(self.name, self.path, number, begins, contract.max_line_bytes)
            if not line.strip():
                continue
            row = self._object(line, where())
            values = [_text(row, path) or _text(row, old) for path, old in zip(paths, older, strict=True)]
            yield self.belonging.partition([values[place] for place in self.belonging.columns], where), values

    def _object(self, line: bytes, where: str) -> Mapping[str, Any]:
        """The object in a line. Numbers are kept as their text."""
        try:
            row = json.loads(line.decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str)
            problem = "" if isinstance(row, dict) else "the line is no object"
        except (ValueError, RecursionError) as error:
            row, problem = {}, "the line is too deep" if isinstance(error, RecursionError) else str(error)
        if problem:
            refuse(
                f"File `{self.path.name}` is not JSON lines.",
                looked=f"{where}: {problem}",
                next=f"correct that line, then: {command(self.name, self.path)}",
            )
        return cast(Mapping[str, Any], row)


@contextmanager
def open_json(
    name: str, feed: Feed, path: Path, raw: IO[bytes], *, packed: bool, into: Partition | None
) -> Iterator[JsonSource]:
    """The file as rows of the feed. For a feed of another format, every value is at the top, under its column's name."""
    lines = feed.landing.format if isinstance(feed.landing.format, JsonLines) else JsonLines()
    text = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
    yield JsonSource(name, feed, path, Belonging(name, feed, str(path), into), lines, raw, text)


def _text(row: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """The text of the value at a path; empty if there is none."""
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not path or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
