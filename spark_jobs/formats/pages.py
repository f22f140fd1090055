"""The column chunks and the pages of a Parquet file: what a reader would have to unpack, whatever the footer says.

The numbers of the fields are those of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
Nothing is unpacked here.
"""

from dataclasses import dataclass
from typing import Protocol

from spark_jobs.formats.thrift import BrokenThrift, Compact, Struct, number, structs

CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW")
"""By their numbers."""
MAGIC, TAIL = b"PAR1", 8
"""A file begins and ends with the magic bytes. The length of the footer is in the four bytes before the last ones."""
LONGEST_FOOTER = 4 * 1024**2
"""In bytes. A footer grows with the columns and the row groups; that of a thousand columns and ten row groups has a megabyte."""
BYTE_ARRAY = 6
_HEADER = 64 * 1024
"""The largest header of a page, in bytes. It may hold the smallest and the largest value of the page."""


class BrokenPages(Exception):
    """The file is not what a writer of Parquet makes."""


class RandomFile(Protocol):
    """What is read of an open file."""

    def seek(self, offset: int, /) -> object:
        """Goes to a byte."""

    def read(self, size: int, /) -> bytes:
        """The bytes that follow."""


@dataclass(frozen=True)
class Chunk:
    """The pages of one column in one row group, by the footer.

    Args:
        start: Their first byte.
        length: Their bytes as they are stored.
        values: The number of their values.
        path: The names that lead to the column in the schema.
        claimed: Their bytes when they are unpacked.
        codec: How they are packed.
        texts: True if the values are texts in a dictionary.
    """

    start: int
    length: int
    values: int
    path: tuple[str, ...] = ()
    claimed: int = 0
    codec: str = "UNCOMPRESSED"
    texts: bool = False


def footer_of(file: RandomFile, size: int) -> bytes:
    """The footer of a file of `size` bytes. Its length is checked before it is read.

    Raises:
        BrokenPages: the file is cut off, or is none.
    """
    file.seek(0)
    if size < len(MAGIC) + TAIL or bytes(file.read(len(MAGIC))) != MAGIC:
        raise BrokenPages("it does not begin with PAR1")
    file.seek(size - TAIL)
    tail = bytes(file.read(TAIL))
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC:
        raise BrokenPages("it does not end with PAR1")
    if length > min(LONGEST_FOOTER, size - TAIL - len(MAGIC)):
        raise BrokenPages(f"its footer of {length:,} bytes is longer than the file, or than {LONGEST_FOOTER:,} bytes")
    file.seek(size - TAIL - length)
    return bytes(file.read(length))


def check_pages(file: RandomFile, size: int) -> None:
    """Walks through the footer and the headers of all pages of a file of `size` bytes, before pyarrow gets it.

    Raises:
        BrokenPages: the file is cut off, or makes no sense.
    """
    for chunk in chunks_of(footer_of(file, size))[1]:
        unpacked_size(file, chunk, chunk.claimed)


def chunks_of(footer: bytes) -> tuple[int, list[Chunk]]:
    """The number of rows in a file, and its chunks.

    Raises:
        BrokenPages: the footer makes no sense.
    """
    try:
        metadata = Compact(footer).struct()
    except BrokenThrift as error:
        raise BrokenPages(f"its footer makes no sense: {error}") from error
    groups = structs(metadata, 4)
    chunks = [_chunk(column) for group in groups for column in structs(group, 1)]
    return max(number(metadata, 3), sum(number(group, 3) for group in groups)), chunks


def _chunk(column: Struct) -> Chunk:
    metadata = column.get(3)
    names = metadata.get(3) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(names, list) or 1 in column:
        raise BrokenPages("its footer names a column whose pages are elsewhere")
    first, dictionary = number(metadata, 9), number(metadata, 11)
    codec, start = number(metadata, 4), min(first, dictionary) if dictionary > 0 else first
    chunk = Chunk(
        start=start,
        length=number(metadata, 7),
        values=number(metadata, 5),
        path=tuple(name.decode("utf-8", errors="replace") for name in names if isinstance(name, bytes)),
        claimed=number(metadata, 6),
        codec=CODECS[codec] if 0 <= codec < len(CODECS) else f"codec {codec}",
        texts=number(metadata, 1) == BYTE_ARRAY and dictionary > 0,
    )
    if min(chunk.start, chunk.length, chunk.values, chunk.claimed) < 0:
        raise BrokenPages("its footer has a negative size")
    return chunk


def unpacked_size(file: RandomFile, chunk: Chunk, limit: int) -> int:
    """The bytes of a chunk's pages when they are unpacked; it stops counting over `limit`.

    Raises:
        BrokenPages: a page is cut off, has an impossible size, or the pages have more values than the footer says.
    """
    place, end, size, values = chunk.start, chunk.start + chunk.length, 0, 0
    while place < end and size <= limit:
        file.seek(place)
        compact = Compact(file.read(min(_HEADER, end - place)))
        try:
            header = compact.struct()
        except BrokenThrift as error:
            raise BrokenPages(f"the page at byte {place:,} has no header: {error}") from error
        unpacked, packed = number(header, 2, missing=-1), number(header, 3, missing=-1)
        if unpacked < 0 or packed < 0 or place + compact.place + packed > end:
            raise BrokenPages(f"the page at byte {place:,} is cut off")
        if not 0 <= number(header, 7, 1) <= unpacked:
            raise BrokenPages(f"the page at byte {place:,} has more values than bytes")
        values += number(header, 5, 1) + number(header, 8, 1)
        place, size = place + compact.place + packed, size + unpacked
    if size <= limit and values != chunk.values:
        raise BrokenPages(f"the pages from byte {chunk.start:,} on have {values:,} values, the footer {chunk.values:,}")
    return size
