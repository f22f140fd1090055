"""Looks into a Parquet object: its footer, and the headers of the pages that would be read."""

import io
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from landfall.spec.contract import Contract
from spark_jobs.files import ListedFile, open_random
from spark_jobs.formats.pages import MAGIC, BrokenPages, Chunk, chunks_of, footer_of, unpacked_size
from spark_jobs.formats.parquet_kinds import spark_type
from spark_jobs.formats.reader import name_in_file
from spark_jobs.unpacked import Look, refused, too_large

if TYPE_CHECKING:
    import pyarrow as pa

CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD")
"""What every Spark unpacks without a library of the system."""
UNREADABLE = "?"
"""Begins the type of a column whose values have no text."""
_NONSENSE = (OSError, ValueError, KeyError, NotImplementedError)
"""What pyarrow raises for a footer that makes no sense."""


def look_at_parquet(listed: ListedFile, contract: Contract, left: str) -> Look:
    """The columns of the contract that a file has, with Spark's types, as JSON; or why it cannot be read."""
    source = listed.url
    if not source.endswith(".parquet"):
        return refused(
            source,
            "has a name that does not say how to read it",
            looked="expected a name that ends in .parquet",
            left=left,
            next="land it again under such a name",
        )
    if listed.size > contract.max_bytes:
        return too_large(source, "values", f"{listed.size:,} bytes as it is stored", contract, left)
    try:
        with open_random(source) as file:
            footer = footer_of(file, listed.size)
            rows, chunks = chunks_of(footer)
            columns = columns_of(footer, contract)
            read = [chunk for chunk in chunks if chunk.path[:1] and chunk.path[0] in columns]
            if odd := {chunk.codec for chunk in read} - set(CODECS):
                return refused(
                    source,
                    f"is packed by {min(odd).lower()}",
                    looked=f"its footer; known: {', '.join(codec.lower() for codec in CODECS)}",
                    left=left,
                    next="write the file with zstd, then land it again",
                )
            for looked in _sizes(file, read, rows * len(columns), contract.max_bytes):
                if looked:
                    return too_large(source, "values", looked, contract, left)
    except BrokenPages as error:
        return refused(source, "is not whole Parquet", looked=str(error), left=left, next="land the file again")
    return Look(source, json.dumps(columns))


def columns_of(footer: bytes, contract: Contract) -> dict[str, str]:
    """The columns of the contract that a file has -> Spark's type, or `UNREADABLE` and Arrow's type. In the contract's order.

    Raises:
        BrokenPages: the schema makes no sense.
    """
    import pyarrow.parquet as pq

    length = len(footer).to_bytes(4, "little")
    try:  # a file with the footer alone, so that a failure of the store is not taken for one of the footer
        schema = pq.read_schema(io.BytesIO(MAGIC + footer + length + MAGIC))
        leaves = pq.read_metadata(io.BytesIO(MAGIC + footer + length + MAGIC)).schema
        physical = {leaves.column(place).path: leaves.column(place).physical_type for place in range(len(leaves))}
    except _NONSENSE as error:
        raise BrokenPages(str(error).partition("\n")[0][:200]) from error
    kinds: dict[str, str] = {}
    for name in filter(None, [name_in_file(contract, name, schema.names) for name in contract.names]):
        kind = schema.types[schema.names.index(name)]
        kinds[name] = spark_type(kind, physical.get(name, "")) or f"{UNREADABLE}{str(kind).partition('<')[0]}"
    return kinds


def _sizes(file: "pa.NativeFile", read: Sequence[Chunk], values: int, limit: int) -> Iterator[str]:
    """After every step, what was found of more bytes than `limit`; empty if there are not more.

    A value counts as a byte at least: by a dictionary, a page of a few bytes may have millions of rows.

    Raises:
        BrokenPages: the pages are not as the footer says.
    """
    yield f"{values:,} values, by its footer" if values > limit else ""
    claimed = sum(chunk.claimed for chunk in read)
    yield f"{claimed:,} bytes unpacked, by its footer" if claimed > limit else ""
    unpacked = 0
    for chunk in read:
        unpacked += unpacked_size(file, chunk, limit - unpacked)
        yield f"more than {limit:,} bytes unpacked, by its pages" if unpacked > limit else ""
    texts = [chunk for chunk in read if chunk.texts]
    if sum(chunk.values * chunk.claimed for chunk in texts) > limit:
        size = _text_size(file, sorted({".".join(chunk.path) for chunk in texts}), limit)
        yield f"more than {limit:,} bytes of text, by its dictionaries" if size > limit else ""


def _text_size(file: "pa.NativeFile", names: list[str], limit: int) -> int:
    """The bytes of the texts of columns with dictionaries: a long text is stored once, however many rows have it.

    The texts stay in their dictionaries, so this takes as much memory as the pages. It stops counting over `limit`.

    Raises:
        BrokenPages: the pages make no sense.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    size = 0
    try:
        for batch in pq.ParquetFile(file, read_dictionary=names).iter_batches(columns=names):
            for column in batch.columns:
                lengths = pc.binary_length(column.dictionary)
                size += pc.sum(pc.take(lengths, column.indices)).as_py() or 0
            if size > limit:
                break
    except (ValueError, KeyError, NotImplementedError) as error:  # an OSError is one of the store
        raise BrokenPages(str(error).partition("\n")[0][:200]) from error
    return size
