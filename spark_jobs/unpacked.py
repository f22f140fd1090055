"""Looks into landed objects before Spark reads them: at their first line, and whether they keep the contract's limits.

Whoever may write under a landing prefix chooses what is in an object. A megabyte of gzip may be a gigabyte in one line, and all
jobs share the Spark that would hold it. So each object is unpacked here first, piece by piece, and given up at its limit. This
takes a few megabytes of memory, whatever the object is.
"""

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from spark_jobs.files import ListedFile, list_folder, open_file

PLAIN, PACKED = (".csv", ".txt", ".tsv"), ".gz"
"""Endings of names. Spark also unpacks by the name, and knows more kinds than these; names of other kinds are refused."""
GZIP = b"\x1f\x8b"
PIECE = 2 * 1024**2
"""How many bytes are read, and unpacked, at a time."""
READERS = 16
"""How many objects are looked into at once."""
SHOWN = 120
"""How many bytes of an object that is not what its name says are shown in its error."""


class Stream(Protocol):
    """The source that an object is read from."""

    def read(self, nbytes: int, /) -> bytes: ...


@dataclass(frozen=True)
class Look:
    """An object: its address, its first line (None if it has no line), and why it cannot be read (None if it can)."""

    source: str
    header: str | None = None
    error: ContractError | None = None


def look_into(folders: list[str], contract: Contract, left: str) -> list[Look]:
    """Every object that Spark would read in `folders`, by address.

    Args:
        folders: URLs of the partitions' folders.
        contract: Its `max_bytes` and `max_line_bytes` are the limits.
        left: What errors say is left behind.

    Raises:
        ComputeError: the store refuses.
    """
    with ThreadPoolExecutor(READERS, thread_name_prefix="look") as pool:
        files_with_bytes = [file for files in pool.map(list_folder, folders) for file in files if file.size]
        return sorted(
            pool.map(lambda file: _look(file, contract, left), files_with_bytes), key=lambda look: look.source
        )


def short(source: str) -> str:
    """The key of an object, as shown to people."""
    return source.split("://", 1)[-1].partition("/")[2]


def _look(listed: ListedFile, contract: Contract, left: str) -> Look:
    source, limit = listed.url, contract.max_bytes

    def refused(problem: str, looked: str, next: str) -> Look:
        what = f"The landed object `{short(source)}` {problem}."
        return Look(source, error=ContractError(what, looked=looked, left=left, next=next))

    def too_large(looked: str) -> Look:
        problem = f"has more than {limit:,} bytes of text"
        return refused(
            problem, f"{looked} (Contract.max_bytes)", "land it in smaller objects, or raise the limit in the contract"
        )

    if not source.endswith((*PLAIN, PACKED)):
        expected = f"expected a name that ends in {', '.join(PLAIN)}, or in {PACKED} if it is gzip"
        return refused("has a name that does not say how to read it", expected, "land it again under such a name")
    if listed.size > limit:
        return too_large(f"{listed.size:,} bytes as it is stored")
    lines = Lines(contract.max_line_bytes)
    try:
        with open_file(source) as stream:
            for piece in _pieces(stream, packed=source.endswith(PACKED)):
                if not lines.bytes and not source.endswith(PACKED) and piece.startswith(GZIP):
                    return Look(source, piece[:SHOWN].decode(errors="replace"))
                lines.take(piece)
                if lines.too_long:
                    return refused(
                        f"has a line of more than {contract.max_line_bytes:,} bytes",
                        f"its text, from byte {lines.begun:,} on (Contract.max_line_bytes)",
                        "mend the line, or raise the limit in the contract, then land it again",
                    )
                if lines.bytes > limit:
                    return too_large(f"{listed.size:,} bytes as it is stored, unpacked until the limit")
    except zlib.error as error:
        return refused("is not whole gzip", str(error), "land the file again")
    return Look(source, lines.first)


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
    def first(self) -> str | None:
        """The first line without its end; None if nothing came."""
        return self._first.decode(errors="replace") if self.bytes else None

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
