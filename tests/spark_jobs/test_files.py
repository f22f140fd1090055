"""Small files beside the tables, on the local file system: the same functions that reach S3."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from landfall.errors import ComputeError
from spark_jobs.files import list_files, read_file, read_table, write_file


def test_a_file_is_read_as_it_was_written_and_written_anew(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/models/7/model.pkl"
    for content in (b"one", b"", b"two\0three"):
        write_file(url, content)
        assert read_file(url) == content


def test_files_are_listed_by_the_end_of_their_path(tmp_path: Path) -> None:
    for name in ("0_a/metadata/part-0", "0_a/metadata/_SUCCESS", "1_b/data/part-0", "1_b/metadata/part-0"):
        write_file(f"file://{tmp_path}/stages/{name}", b"")
    assert list_files(f"file://{tmp_path}/stages", "metadata/part-*") == [
        f"file://{tmp_path}/stages/0_a/metadata/part-0",
        f"file://{tmp_path}/stages/1_b/metadata/part-0",
    ]


def test_tables_are_read_one_file_after_the_other(tmp_path: Path) -> None:
    for number in (1, 2):
        pq.write_table(pa.table({"x": [number]}), tmp_path / f"part-{number}.parquet")
    assert read_table(f"file://{tmp_path}", "*.parquet").column("x").to_pylist() == [1, 2]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ComputeError) as refused:
        read_file(f"file://{tmp_path}/none")
    told = refused.value
    assert str(told) == (
        f"`file://{tmp_path}/none` could not be read.\n"
        f"  looked: {told.looked}\n"
        "  left: nothing was changed\n"
        "  next: landfall ps"
    )
    assert "No such file" in told.looked


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert list_files(f"file://{tmp_path}/none", "*") == []


def test_a_folder_without_such_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(ComputeError) as refused:
        read_table(f"file://{tmp_path}", "data/*.parquet")
    assert refused.value.what == f"`file://{tmp_path}` has no file `data/*.parquet`."


def test_another_kind_of_place_is_refused() -> None:
    with pytest.raises(ComputeError) as refused:
        read_file("hdfs://host/file")
    assert str(refused.value) == (
        "`hdfs://host/file` is not a place for a file.\n  looked: expected s3a://BUCKET/KEY or file:///PATH"
    )
