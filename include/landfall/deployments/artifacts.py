"""The files of a registered model, in S3 or in a folder of this machine."""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from landfall.errors import ModelError
from landfall.spec import S3

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

LEFT, LOCAL = "nothing was deployed", "file://"


class Artifacts:
    """Reads `s3://`, `s3a://` and `file://` URLs, and paths. See `landfall.scoring.Files`."""

    def __init__(self, s3: S3) -> None:
        self.s3 = s3

    def list_files(self, folder: str, pattern: str) -> list[str]:
        """The sorted URLs or paths of the files below `folder` whose last parts match `pattern`.

        They begin as `folder` is written. The list is empty if there is no such folder.

        Raises:
            ModelError: the store cannot be reached.
        """
        from pyarrow.fs import FileSelector, FileType

        system, path = self._place(folder)
        try:
            entries = system.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
        except OSError as error:
            raise _refused(f"`{folder}` could not be listed.", error) from error
        files = [
            entry.path for entry in entries if entry.type == FileType.File and PurePosixPath(entry.path).match(pattern)
        ]
        within = [file.removeprefix(path).lstrip("/") for file in files]
        return sorted(f"{folder.rstrip('/')}/{quote(file) if folder.startswith(LOCAL) else file}" for file in within)

    def read_file(self, url: str) -> bytes:
        """The content of a file.

        Raises:
            ModelError: there is no such file, or the store refuses.
        """
        system, path = self._place(url)
        try:
            with system.open_input_stream(path) as stream:
                return bytes(stream.read())
        except OSError as error:
            raise _refused(f"`{url}` could not be read.", error) from error

    def _place(self, url: str) -> "tuple[FileSystem, str]":
        """The file system that a URL means, and the path in it. Only file:// URLs are percent-encoded."""
        from pyarrow.fs import LocalFileSystem, S3FileSystem

        scheme, separator, rest = url.partition("://")
        if not separator or url.startswith(LOCAL):
            return LocalFileSystem(), str(Path(unquote(urlsplit(url).path) if separator else url))
        if scheme not in ("s3", "s3a"):
            raise ModelError(
                f"`{url}` is not a place that models are read from.", looked="expected s3:// or file://", left=LEFT
            )
        protocol, _, host = self.s3.endpoint.partition("://")
        known = {"endpoint_override": host, "scheme": protocol} if host else {}
        keys = {"access_key": self.s3.access_key, "secret_key": self.s3.secret_key} if self.s3.access_key else {}
        return S3FileSystem(region=self.s3.region, **known, **keys), rest.rstrip("/")


def _refused(what: str, error: OSError) -> ModelError:
    return ModelError(what, looked=str(error)[:300], left=LEFT, next="landfall ps")
