"""A file that a person wants to land: opened, its columns checked, its rows read once, in order.

Only the columns and the partition of each row are checked here. Whether the values make sense is checked later, on Spark, by the
contract. If anything here fails, nothing has landed.
"""

import gzip
import shlex
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from landfall.landing.by_hand.csv_source import open_csv
from landfall.landing.by_hand.json_source import open_json
from landfall.landing.by_hand.packing import check_file, is_packed
from landfall.landing.by_hand.parquet_source import open_parquet
from landfall.landing.by_hand.refusals import command, refuse
from landfall.pipelines import find_feed
from landfall.spec import Feed, Partition


class Source(Protocol):
    """An open file, as rows of a feed."""

    name: str
    feed: Feed
    path: Path

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns of the file that the contract does not have."""
        ...

    @property
    def point(self) -> str:
        """The decimal point of its numbers."""
        ...

    @property
    def without_rows(self) -> str:
        """What the file has if it has no rows."""
        ...

    @property
    def bytes_read(self) -> int:
        """How far the file has been read, in bytes (compressed bytes if it is gzip)."""
        ...

    def rows(self) -> Iterator[tuple[Partition, list[str]]]:
        """Each row's partition, and its values in the contract's order, as text; empty where one is absent. Can be read once.

        Raises:
            LandingError: a row cannot be read, or says no partition.
        """
        ...


_OPENERS: Mapping[str, Callable[..., AbstractContextManager[Source]]] = {
    ".jsonl": open_json,
    ".ndjson": open_json,
    ".json": open_json,
    ".parquet": open_parquet,
    ".csv": open_csv,
}
"""The ending of a file's name -> what opens it; files of other names are CSV."""


@contextmanager
def open_source(name: str, path: Path, *, into: Partition | None = None) -> Iterator[Source]:
    """The file at `path`, as rows for the feed called `name`, such as `bike_demand/actuals`.

    Its name says what it is: `.jsonl`, `.parquet`, else CSV. Gzip is read if it is named `.gz`.

    Args:
        name: The feed.
        path: The file.
        into: The partition of all its rows, if the contract has no `partition_by`.

    Raises:
        SpecError: there is no such feed.
        LandingError: the file is missing, a folder, empty, not of its format, or lacks a column; or reading it fails later,
            inside the `with`.
    """
    feed = find_feed(name)
    check_file(name, path)
    opener = _OPENERS.get(Path(path.name.removesuffix(".gz")).suffix, _OPENERS[".csv"])
    try:
        with path.open("rb") as raw:
            packed = is_packed(name, path, raw)
            with opener(name, feed, path, raw, packed=packed, into=into) as source:
                yield source
    except PermissionError as error:
        allow = f"chmod u+r {shlex.quote(str(path))} && {command(name, path)}"
        refuse(f"File `{path.name}` may not be read.", looked=f"{path}: {error.strerror}", next=allow)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        test = f"gzip --test {shlex.quote(str(path))}    (then fetch the file again)"
        refuse(f"File `{path.name}` is not whole gzip.", looked=f"{path}: {error}", next=test)
