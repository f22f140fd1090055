"""A Parquet sample that a stranger has made is refused by the project's own reader; pyarrow would end the process for some."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from landfall.errors import SpecError
from landfall.starting.sample_parquet import read


def written() -> bytes:
    file = io.BytesIO()
    table = pa.table({"id": pa.array([1, 2, 3]), "city": pa.array(["A", "B", None]), "temp": pa.array([0.5, 1.5, 2.5])})
    pq.write_table(table, file)
    return file.getvalue()


WHOLE = written()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PAR1", "it does not begin with PAR1"),
        (WHOLE[:-1], "it does not end with PAR1"),
        (WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1", "is longer than the file"),
        (WHOLE[:4] + b"\x1c" * 40 + WHOLE[44:], "has no header: it is too deep"),
    ],
)
def test_what_makes_no_sense_is_named(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(SpecError) as refused:
        read(path)
    assert refused.value.what == "The sample `x.parquet` is not whole Parquet."
    assert problem in refused.value.looked


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 255))
@example(len(WHOLE) - 8, 255)
@example(141, 128)  # in a text
def test_a_changed_byte_is_a_sample_or_an_error_for_a_person(place: int, value: int) -> None:
    import tempfile

    content = bytearray(WHOLE)
    content[place % len(content)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        path.write_bytes(content)
        try:
            assert read(path).columns is not None
        except SpecError as error:
            assert error.what.startswith("The sample `x.parquet` ")  # noqa: PT017
