"""A look into objects before Spark reads them, on local files: what is found, what is given up, and with how little memory."""

import gzip
import re
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.spec.column import Column
from landfall.spec.contract import Contract
from spark_jobs.unpacked import Lines, Look, look_into

COLUMNS = (Column(name="day", type="date"), Column(name="x", type="int"))
SMALL = Contract(columns=COLUMNS, key=("day",), partition_by="day", max_bytes=1000, max_line_bytes=100)
USUAL = Contract(columns=COLUMNS, key=("day",), partition_by="day")
LEFT = "the tables are untouched"
TEXT = b"day,x\n2012-01-01,1\n"


def look(folder: Path, name: str, content: bytes, contract: Contract = SMALL) -> Look:
    """What is found in one object of a folder."""
    (folder / name).write_bytes(content)
    (one,) = look_into([f"file://{folder}/"], contract, LEFT)
    return one


def packed(pieces: Iterator[bytes]) -> bytes:
    """Gzip of a text that is never held whole."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join([*map(packer.compress, pieces), packer.flush()])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TEXT),
        ("a.csv.gz", gzip.compress(TEXT)),
        ("a.csv.gz", gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])),
        ("a.csv", TEXT.replace(b"\n", b"\r\n")),
        ("a.csv", TEXT.rstrip()),
        ("a.csv.gz", gzip.compress(TEXT[:3]) + gzip.compress(b"") + gzip.compress(TEXT[3:])),
    ],
    ids=["plain", "gzip", "gzip of two members", "other line ends", "no last line end", "an empty member"],
)
def test_the_first_line_of_an_object_is_found(tmp_path: Path, name: str, content: bytes) -> None:
    assert look(tmp_path, name, content) == Look(f"file://{tmp_path}/{name}", "day,x")


@pytest.mark.parametrize(("name", "content"), [("a.csv.gz", gzip.compress(b"")), ("a.csv", b"")], ids=["gzip", "plain"])
def test_an_object_without_a_line_has_no_header(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert [each for each in look_into([f"file://{tmp_path}/"], SMALL, LEFT) if each.header or each.error] == []


def test_hidden_objects_and_folders_are_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").write_bytes(b"x" * 5000)
    (tmp_path / ".part").write_bytes(b"x" * 5000)
    (tmp_path / "below").mkdir()
    assert look(tmp_path, "a.csv", TEXT).header == "day,x"
    assert look_into([f"file://{tmp_path}/nowhere/"], SMALL, LEFT) == []


def test_a_line_at_the_limit_is_read_and_one_beyond_it_is_not(tmp_path: Path) -> None:
    for size, ends in ((100, b"\n"), (100, b"\r\n"), (100, b"")):
        assert look(tmp_path, "a.csv", b"day,x\n" + b"a" * size + ends).error is None
    told = look(tmp_path, "a.csv", b"day,x\n2012-01-01,1\n" + b"a" * 101 + b"\n").error
    assert str(told) == (
        f"The landed object `{tmp_path.relative_to('/')}/a.csv` has a line of more than 100 bytes.\n"
        "  looked: its text, from byte 19 on (Contract.max_line_bytes)\n"
        f"  left: {LEFT}\n"
        "  next: mend the line, or raise the limit in the contract, then land it again"
    )


def test_more_text_than_the_limit_is_given_up(tmp_path: Path) -> None:
    line = b"2012-01-01,1\n"
    content = gzip.compress(b"day,x\n" + line * 80)
    told = look(tmp_path, "a.csv.gz", content).error
    assert str(told) == (
        f"The landed object `{tmp_path.relative_to('/')}/a.csv.gz` has more than 1,000 bytes of text.\n"
        f"  looked: {len(content)} bytes as it is stored, unpacked until the limit (Contract.max_bytes)\n"
        f"  left: {LEFT}\n"
        "  next: land it in smaller objects, or raise the limit in the contract"
    )


def test_members_are_counted_together(tmp_path: Path) -> None:
    member = gzip.compress(b"2012-01-01,1\n" * 20)
    assert look(tmp_path, "a.csv.gz", member * 3).error is None
    assert "more than 1,000 bytes of text" in str(look(tmp_path, "a.csv.gz", member * 4).error)


def test_a_plain_object_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    told = look(tmp_path, "a.csv", b"2012-01-01,1\n" * 80).error
    assert told is not None
    assert (told.what, told.looked) == (
        f"The landed object `{tmp_path.relative_to('/')}/a.csv` has more than 1,000 bytes of text.",
        "1,040 bytes as it is stored (Contract.max_bytes)",
    )


@pytest.mark.parametrize(
    "name", ["a.csv.bz2", "a.csv.zst", "a.csv.snappy", "a.csv.lz4", "a.csv.deflate", "a.CSV.GZ", "a"]
)
def test_what_spark_would_unpack_by_its_name_is_refused(tmp_path: Path, name: str) -> None:
    told = look(tmp_path, name, TEXT).error
    assert str(told) == (
        f"The landed object `{tmp_path.relative_to('/')}/{name}` has a name that does not say how to read it.\n"
        "  looked: expected a name that ends in .csv, .txt, .tsv, or in .gz if it is gzip\n"
        f"  left: {LEFT}\n"
        "  next: land it again under such a name"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TEXT, "Error -3 while decompressing data: incorrect header check"),
        (gzip.compress(TEXT)[:-9], "it ends in the middle"),
        (gzip.compress(TEXT) + b"and more", "Error -3 while decompressing data: incorrect header check"),
    ],
    ids=["not gzip", "cut off", "something behind it"],
)
def test_what_is_not_whole_gzip_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    told = look(tmp_path, "a.csv.gz", content).error
    assert str(told) == (
        f"The landed object `{tmp_path.relative_to('/')}/a.csv.gz` is not whole gzip.\n"
        f"  looked: {said}\n  left: {LEFT}\n  next: land the file again"
    )


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        (lambda: (b"a" * 10**6 for _ in range(120)), "has a line of more than 65,536 bytes"),
        (lambda: (b"\n" * 10**6 for _ in range(120)), "has more than 104,857,600 bytes of text"),
    ],
    ids=["120 MB in one line", "120 MB of empty lines"],
)
def test_a_bomb_is_given_up_with_little_memory(tmp_path: Path, pieces: Any, problem: str) -> None:
    content = packed(pieces())
    assert len(content) < 2 * 10**6
    tracemalloc.start()
    told = look(tmp_path, "a.csv.gz", content, replace(USUAL, max_bytes=100 * 1024**2)).error
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert problem in str(told)
    assert most < 32 * 1024**2


@given(
    st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r", b"\r\n", b"c" * 5]), max_size=40),
    st.integers(1, 12),
    st.data(),
)
def test_lines_are_measured_whatever_the_pieces_are(words: list[bytes], most: int, data: st.DataObject) -> None:
    text = b"".join(words)
    lines, at = Lines(most), 0
    while at < len(text) and not lines.too_long:
        size = data.draw(st.integers(1, 9))
        lines.take(text[at : at + size])
        at += size
    expected = re.split(rb"[\r\n]", text)

    assert lines.too_long == any(len(line) > most for line in expected)
    if text and not lines.too_long:
        assert lines.first == expected[0]
