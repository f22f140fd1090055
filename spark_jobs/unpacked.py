"""Looks into landed objects before Spark reads them: at their first line, and whether they keep the contract's limits.

Whoever may write under a landing prefix chooses what is in an object. A megabyte of gzip may be a gigabyte in one line, and all
jobs share the Spark that would hold it. So each object is unpacked here first, piece by piece, and given up at its limit. This
takes a few megabytes of memory, whatever the object is.
"""

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from spark_jobs.files import ListedFile, list_folder, open_file

PLAIN, PACKED = (".csv", ".txt", ".tsv"), ".gz"
"""Endings of the names of CSV files, and of what is packed. Spark also unpacks by the name, and knows more kinds than these; so
names of other kinds are refused. It knows .zst, but the library that unpacks it is not shipped."""
GZIP = b"\x1f\x8b"
PIECE = 2 * 1024**2
"""How many bytes are read, and unpacked, at a time."""
LONGEST_LINE, LINE_END = "mapreduce.input.linerecordreader.line.maxlength", 3
"""Hadoop's own limit: a longer line is skipped and not kept in memory. The line's end counts; the limit itself is too long."""
READERS = 16
"""How many objects are looked into at once."""
SHOWN = 120
"""How many bytes of an object that is not what its name says are shown in its error."""


class Stream(Protocol):
    """The source that an object is read from."""

    def read(self, nbytes: int, /) -> bytes: ...


@dataclass(frozen=True)
class Look:
    """What is known of an object without reading its rows.

    Args:
        source: Its address.
        header: Its first line, or the schema of Parquet; None if it has no line.
        error: Why it cannot be read; None if it can.
    """

    source: str
    header: str | None = None
    error: ContractError | None = None


def refused(source: str, problem: str, *, looked: str, left: str, next: str) -> Look:
    """The look at an object that cannot be read. `problem` completes the sentence that names the object."""
    what = f"The landed object `{short(source)}` {problem}."
    return Look(source, error=ContractError(what, looked=looked, left=left, next=next))


def too_large(source: str, noun: str, looked: str, contract: Contract, left: str) -> Look:
    """The look at an object with more bytes than the contract allows."""
    return refused(
        source,
        f"has more than {contract.max_bytes:,} bytes of {noun}",
        looked=f"{looked} (Contract.max_bytes)",
        left=left,
        next="land it in smaller objects, or raise the limit in the contract",
    )


@dataclass(frozen=True)
class Text:
    """Objects of lines: CSV or JSON lines, plain or packed by gzip.

    Args:
        plain: The endings of the names of plain objects.
        encoding: How the first line is decoded; a byte that is not of the encoding becomes U+FFFD.
    """

    plain: tuple[str, ...] = PLAIN
    encoding: str = "utf-8"

    def look(self, listed: ListedFile, contract: Contract, left: str) -> Look:
        """Unpacks the object piece by piece, and gives it up at a limit of the contract."""
        source, packed = listed.url, listed.url.endswith(PACKED)
        if not source.endswith((*self.plain, PACKED)):
            return refused(
                source,
                "has a name that does not say how to read it",
                looked=f"expected a name that ends in {', '.join(self.plain)}, or in {PACKED} if it is gzip",
                left=left,
                next="land it again under such a name",
            )
        if listed.size > contract.max_bytes:
            return too_large(source, "text", f"{listed.size:,} bytes as it is stored", contract, left)
        lines = Lines(contract.max_line_bytes)
        try:
            with open_file(source) as stream:
                for piece in _pieces(stream, packed=packed):
                    if not lines.bytes and not packed and piece.startswith(GZIP):
                        return Look(source, piece[:SHOWN].decode(errors="replace"))
                    lines.take(piece)
                    if lines.too_long:
                        return refused(
                            source,
                            f"has a line of more than {contract.max_line_bytes:,} bytes",
                            looked=f"its text, from byte {lines.begun:,} on (Contract.max_line_bytes)",
                            left=left,
                            next="mend the line, or raise the limit in the contract, then land it again",
                        )
                    if lines.bytes > contract.max_bytes:
                        stored = f"{listed.size:,} bytes as it is stored, unpacked until the limit"
                        return too_large(source, "text", stored, contract, left)
        except zlib.error as error:
            return refused(source, "is not whole gzip", looked=str(error), left=left, next="land the file again")
        return Look(source, None if lines.first is None else lines.first.decode(self.encoding, errors="replace"))


def look_into(
    folders: list[str], contract: Contract, left: str, look: Callable[[ListedFile, Contract, str], Look] = Text().look
) -> list[Look]:
    """Every object that Spark would read in `folders`, by address.

    Args:
        folders: URLs of the partitions' folders.
        contract: Its `max_bytes` and `max_line_bytes` are the limits.
        left: What errors say is left behind.
        look: How one object is looked into.

    Raises:
        ComputeError: the store refuses.
    """
    with ThreadPoolExecutor(READERS, thread_name_prefix="look") as pool:
        files_with_bytes = [file for files in pool.map(list_folder, folders) for file in files if file.size]
        return sorted(
            pool.map(lambda file: look(file, contract, left), files_with_bytes), key=lambda known: known.source
        )


def short(source: str) -> str:
    """The key of an object, as shown to people."""
    return source.split("://", 1)[-1].partition("/")[2]


def _pieces(stream: Stream, *, packed: bool) -> Iterator[bytes]:
    """The text of an object, at most `PIECE` bytes at a time. Gzip may have several members, one after the other.

    Raises:
        zlib.error: it is not gzip, or not complete.
    """
    if not packed:
        yield from iter(lambda: stream.read(PIECE), b"")
        return
    member, begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    while data := stream.read(PIECE):
        while data:
            if member.eof:
                member, begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
            piece = member.decompress(data, PIECE)
            data, begun = member.unused_data or member.unconsumed_tail, True
            yield piece
    while begun and not member.eof:
        if not (piece := member.decompress(b"", PIECE)):
            raise zlib.error("it ends in the middle")
        yield piece


class Lines:
    """The lines of a text that comes in pieces: it finds the first line, and whether a line is longer than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        """How many bytes have come."""
        self.begun = 0
        """Where the line begins that has not ended yet."""
        self.too_long = False
        self._first, self._first_ended = bytearray(), False

    @property
    def first(self) -> bytes | None:
        """The first line without its end; None if nothing came."""
        return bytes(self._first) if self.bytes else None

    def take(self, piece: bytes) -> None:
        """Takes one more piece; stops at a line that is too long."""
        if not self._first_ended:
            end = _first_end(piece)
            self._first += piece[: self.limit + 1] if end < 0 else piece[:end]
            self._first_ended = end >= 0 or len(self._first) > self.limit
        offset = self.bytes
        self.bytes += len(piece)
        position = 0
        while self.bytes - self.begun > self.limit:
            # The last line that ends within the limit: what lies before it is short enough, however many lines it is.
            last = _last_end(piece, position, self.begun + self.limit + 1 - offset)
            if last < 0:
                self.too_long = True
                return
            position = last + 1
            self.begun = offset + position
        if (last := _last_end(piece, position, len(piece))) >= 0:
            self.begun = offset + last + 1


def _first_end(piece: bytes) -> int:
    """Where the first line of `piece` ends, by any line end that Spark knows; -1 if it does not end."""
    ends = [end for end in (piece.find(b"\n"), piece.find(b"\r")) if end >= 0]
    return min(ends, default=-1)


def _last_end(piece: bytes, start: int, end: int) -> int:
    """Where the last line that ends between two places of `piece` ends; -1 if there is none."""
    return max(piece.rfind(b"\n", start, end), piece.rfind(b"\r", start, end))
