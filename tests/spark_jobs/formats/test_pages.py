"""A look at Parquet files on the local file system: their footers and pages, honest and not."""

import io
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from landfall.spec import Column, Contract
from spark_jobs.files import ListedFile
from spark_jobs.formats.pages import BrokenPages, Chunk, unpacked_size
from spark_jobs.formats.parquet_footer import look_at_parquet
from spark_jobs.unpacked import Look

COLUMNS = (Column(name="day", type="string"), Column(name="x", type="bigint"))
USUAL = Contract(columns=COLUMNS, key=("day",), partition_by="")
LEFT = "the tables are untouched"


def written(table: pa.Table, **options: Any) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content, **options)
    return content.getvalue()


def rows(count: int) -> pa.Table:
    return pa.table({"day": [f"{n:05}" for n in range(count)], "x": list(range(count)), "more": ["x" * 99] * count})


def look(folder: Path, content: bytes, contract: Contract = USUAL) -> Look:
    (folder / "a.parquet").write_bytes(content)
    return look_at_parquet(ListedFile(f"file://{folder}/a.parquet", len(content)), contract, LEFT)


def too_large(folder: Path, limit: int, looked: str) -> str:
    return (
        f"The landed object `{folder.relative_to('/')}/a.parquet` has more than {limit:,} bytes of values.\n"
        f"  looked: {looked} (Contract.max_bytes)\n"
        f"  left: {LEFT}\n"
        "  next: land it in smaller objects, or raise the limit in the contract"
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none", "use_dictionary": False},
        {"data_page_version": "2.0", "compression": "zstd"},
        {"data_page_size": 64, "row_group_size": 30},
        {"write_page_index": True, "write_page_checksum": True},
    ],
    ids=["usual", "plain", "pages of version 2", "many pages", "index and checksums"],
)
def test_the_pages_of_every_writer_are_walked_through(tmp_path: Path, options: dict[str, Any]) -> None:
    content = written(rows(100), **options)
    assert look(tmp_path, content) == Look(f"file://{tmp_path}/a.parquet", '{"day": "string", "x": "bigint"}')
    metadata = pq.read_metadata(io.BytesIO(content))
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            size = unpacked_size(
                io.BytesIO(content), Chunk(start, chunk.total_compressed_size, chunk.num_values), 10**9
            )
            assert size <= chunk.total_uncompressed_size  # which counts the headers too


def test_columns_that_are_not_read_do_not_count(tmp_path: Path) -> None:
    limit = 40_000
    content = written(rows(1000), use_dictionary=False)
    assert pq.read_metadata(io.BytesIO(content)).row_group(0).total_byte_size > limit
    assert look(tmp_path, content, replace(USUAL, max_bytes=limit)).error is None


def test_a_footer_that_says_more_than_the_limit_is_believed(tmp_path: Path) -> None:
    content = written(rows(9000), use_dictionary=False, compression="zstd", compression_level=19)
    told = look(tmp_path, content, replace(USUAL, max_bytes=100_000)).error
    claimed = sum(pq.read_metadata(io.BytesIO(content)).row_group(0).column(n).total_uncompressed_size for n in (0, 1))
    assert len(content) < 100_000 < claimed
    assert str(told) == too_large(tmp_path, 100_000, f"{claimed:,} bytes unpacked, by its footer")


def test_rows_that_take_no_bytes_count_too(tmp_path: Path) -> None:
    content = written(pa.table({"day": pa.array(["x"] * 90_000), "x": pa.array([7] * 90_000)}))
    assert len(content) < 5000
    told = look(tmp_path, content, replace(USUAL, max_bytes=100_000)).error
    assert str(told) == too_large(tmp_path, 100_000, "180,000 values, by its footer")


def test_a_long_text_that_is_stored_once_counts_for_every_row(tmp_path: Path) -> None:
    for length, refused in ((49, False), (9999, True)):
        days = pa.array(["x" * length, None] * 10_000)
        content = written(pa.table({"day": days, "x": pa.array([7] * 20_000)}))
        assert len(content) < 10_000
        told = look(tmp_path, content, replace(USUAL, max_bytes=1_000_000)).error
        expected = too_large(tmp_path, 1_000_000, "more than 1,000,000 bytes of text, by its dictionaries")
        assert (str(told) == expected) if refused else told is None


def test_a_footer_that_says_less_than_its_pages_is_found_out(tmp_path: Path) -> None:
    content = bytearray(written(rows(20_000), use_dictionary=False, compression="snappy"))
    chunk = pq.read_metadata(io.BytesIO(content)).row_group(0).column(1)
    header = bytes(content[chunk.data_page_offset : chunk.data_page_offset + 12])
    size = b"\xfe\xff\x7f"  # 1,048,575 as a zigzag number of three bytes
    at = chunk.data_page_offset + header.index(b"\x15", 2) + 1
    assert content[at] >= 0x80
    assert content[at + 1] >= 0x80
    assert content[at + 2] < 0x80
    content[at : at + 3] = size
    told = look(tmp_path, bytes(content), replace(USUAL, max_bytes=600_000)).error
    assert str(told) == too_large(tmp_path, 600_000, "more than 600,000 bytes unpacked, by its pages")


def compact(*fields: tuple[int, int | list[tuple[int, int]]]) -> bytes:
    """A page header: integers, and structs of integers, by the numbers of their fields."""
    encoded, before = b"", 0
    for number, value in fields:
        kind = 12 if isinstance(value, list) else 5
        encoded += bytes([(number - before) << 4 | kind]) + (
            compact(*value) if isinstance(value, list) else varint(value)
        )
        before = number
    return encoded + b"\0"


def varint(value: int) -> bytes:
    rest, encoded = (value << 1) ^ (value >> 63), b""
    while rest > 127:
        encoded, rest = encoded + bytes([rest & 127 | 128]), rest >> 7
    return encoded + bytes([rest])


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (compact((1, 0), (2, -1), (3, 4), (5, [(1, 1)])), "the page at byte 0 is cut off"),
        (compact((1, 0), (2, 4), (3, 400), (5, [(1, 1)])), "the page at byte 0 is cut off"),
        (compact((1, 2), (2, 4), (3, 4), (7, [(1, 2**31 - 1)])), "the page at byte 0 has more values than bytes"),
        (compact((1, 0), (2, 4), (3, 4), (5, [(1, 7)])), "the pages from byte 0 on have 7 values, the footer 1"),
        (b"\x15", "the page at byte 0 has no header: it is cut off"),
        (b"\x15" + b"\xff" * 11, "the page at byte 0 has no header: it has a number that is too long"),
        (b"\x1c" * 40, "the page at byte 0 has no header: it is too deep"),
        (b"\x19\x19" * 40, "the page at byte 0 has no header: it is too deep"),
        (b"\x1d", "the page at byte 0 has no header: it has a field of an unknown kind"),
        (b"\x18\xff\xff\x03", "the page at byte 0 has no header: it is cut off"),
        (b"\x19\xfc\xff\xff\x03" + b"\x1c" * 9, "the page at byte 0 has no header: it is cut off"),
    ],
)
def test_a_page_header_that_makes_no_sense_is_named(header: bytes, problem: str) -> None:
    page = header + b"four" if b"\0" in header else header
    with pytest.raises(BrokenPages) as broken:
        unpacked_size(io.BytesIO(page), Chunk(0, len(page), 1), 10**9)
    assert str(broken.value) == problem


@given(st.binary(max_size=300), st.integers(0, 2**31))
def test_bytes_of_a_stranger_are_sizes_or_broken_pages(content: bytes, values: int) -> None:
    try:
        assert unpacked_size(io.BytesIO(content), Chunk(0, len(content), values), 10**9) >= 0
    except BrokenPages as broken:
        assert str(broken)  # noqa: PT017


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
@example(483, 36)  # a histogram of levels with too many of them
def test_a_file_with_a_changed_byte_is_a_look_and_no_other_error(place: int, value: int) -> None:
    """pyarrow would end the process for some of them."""
    content = bytearray(written(rows(3)))
    content[place % len(content)] = value
    with TemporaryDirectory() as folder:
        found = look(Path(folder), bytes(content))
    assert (found.header is None) == (found.error is not None)
