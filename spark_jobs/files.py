"""Small files beside the tables: those of a saved model, the reference for drift, the rows of a table model."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from landfall.errors import ComputeError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem
    from pyspark.sql import DataFrame, SparkSession


def write_file(url: str, content: bytes) -> None:
    """Writes a whole file at an `s3a://`, `s3://` or `file://` URL, in place of what was there.

    Raises:
        ComputeError: the store refuses.
    """
    system, path = _place(url)
    try:
        if url.startswith("file:"):
            system.create_dir(path.rpartition("/")[0], recursive=True)
        with system.open_output_stream(path) as stream:
            stream.write(content)
    except OSError as error:
        raise _refused(f"`{url}` could not be written.", error) from error


def read_file(url: str) -> bytes:
    """The content of a file.

    Raises:
        ComputeError: there is no such file, or the store refuses.
    """
    system, path = _place(url)
    try:
        with system.open_input_stream(path) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise _refused(f"`{url}` could not be read.", error) from error


def list_files(folder: str, pattern: str) -> list[str]:
    """The URLs of the files below `folder` whose last path parts match `pattern`, such as `metadata/part-*`; sorted.

    Raises:
        ComputeError: the store refuses.
    """
    from pyarrow.fs import FileSelector, FileType

    system, path = _place(folder)
    try:
        entries = system.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
    except OSError as error:
        raise _refused(f"`{folder}` could not be listed.", error) from error
    scheme = folder.partition("://")[0]
    files = [entry.path for entry in entries if entry.type == FileType.File]
    return sorted(f"{scheme}://{path_of_file}" for path_of_file in files if PurePosixPath(path_of_file).match(pattern))


@dataclass(frozen=True)
class ListedFile:
    """A file in the listing of its folder; `size` is in bytes."""

    url: str
    size: int


def list_folder(folder: str) -> list[ListedFile]:
    """The files directly in `folder` that Spark would read, so without hidden ones (`_...`); empty if there is no folder.

    Raises:
        ComputeError: the store refuses.
    """
    from pyarrow.fs import FileSelector, FileType

    system, path = _place(folder)
    try:
        entries = system.get_file_info(FileSelector(path.rstrip("/"), allow_not_found=True))
    except OSError as error:
        raise _refused(f"`{folder}` could not be listed.", error) from error
    files = [entry for entry in entries if entry.type == FileType.File and not entry.base_name.startswith(("_", "."))]
    return [ListedFile(f"{folder.partition('://')[0]}://{file.path}", file.size) for file in files]


@contextmanager
def open_file(url: str) -> "Iterator[pa.NativeFile]":
    """A file to be read piece by piece, as it is stored (not unpacked).

    Raises:
        ComputeError: there is no such file, or the store refuses.
    """
    system, path = _place(url)
    try:
        with system.open_input_stream(path, compression=None) as stream:
            yield stream
    except OSError as error:
        raise _refused(f"`{url}` could not be read.", error) from error


@contextmanager
def open_random(url: str) -> "Iterator[pa.NativeFile]":
    """A file to be read from any of its bytes on.

    Raises:
        ComputeError: there is no such file, or the store refuses.
    """
    system, path = _place(url)
    try:
        with system.open_input_file(path) as file:
            yield file
    except OSError as error:
        raise _refused(f"`{url}` could not be read.", error) from error


def read_table(folder: str, pattern: str) -> "pa.Table":
    """The rows of the Parquet files below `folder` whose last path parts match `pattern`, one file after the other.

    Raises:
        ComputeError: there is no such file, or the store refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = list_files(folder, pattern)
    if not files:
        raise ComputeError(f"`{folder}` has no file `{pattern}`.", left="nothing was changed", next="landfall ps")
    return pa.concat_tables([pq.read_table(pa.BufferReader(read_file(file))) for file in files])


def read_rows(spark: "SparkSession", url: str) -> "DataFrame":
    """The rows of one Parquet file, read by Spark.

    Raises:
        ComputeError: there is none.
    """
    from pyspark.errors import AnalysisException

    try:
        frame = spark.read.parquet(url)
        frame.schema  # noqa: B018  (Connect is lazy: this is where a missing file shows)
    except AnalysisException as error:
        if "PATH_NOT_FOUND" not in str(error):
            raise
        raise ComputeError(
            "There is no file with rows where one was expected.",
            looked=url,
            left="nothing was changed",
            next="landfall train MODEL    (it lands the rows first)",
        ) from error
    return frame


def _place(url: str) -> "tuple[FileSystem, str]":
    """The file system of a URL, and the path there. As for Spark, S3's address and keys come from the environment."""
    from pyarrow.fs import LocalFileSystem

    scheme, _, path = url.partition("://")
    if scheme == "file":
        return LocalFileSystem(), path
    if scheme not in ("s3", "s3a"):
        raise ComputeError(f"`{url}` is not a place for a file.", looked="expected s3a://BUCKET/KEY or file:///PATH")
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    keys = tuple(
        os.environ.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    )
    return _store(os.environ.get("LANDFALL_S3_ENDPOINT", ""), region, keys), path


@lru_cache(maxsize=4)
def _store(endpoint: str, region: str, keys: tuple[str, ...]) -> "FileSystem":
    """The client of a store, shared by many files because it keeps connections. It reads the `keys` from the environment."""
    from pyarrow.fs import S3FileSystem

    protocol, _, host = endpoint.partition("://")
    return S3FileSystem(endpoint_override=host, scheme=protocol, region=region) if host else S3FileSystem(region=region)


def _refused(what: str, error: OSError) -> ComputeError:
    return ComputeError(what, looked=str(error)[:300], left="nothing was changed", next="landfall ps")
