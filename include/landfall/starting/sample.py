"""A sample file, as a table of texts: the form in which landed values are judged, whatever the format.

Only the beginning of a file is looked at, so a file of any size takes seconds.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from landfall.errors import SpecError
from landfall.spec import FileFormat

MOST_ROWS = 10_000
"""The number of rows that are looked at."""
MOST_BYTES = 16 * 1024**2
"""The number of bytes of text that are looked at, unpacked."""
MOST_COLUMNS = 500
"""The largest number of columns. A pipeline declares each of them in a line of its own."""


@dataclass(frozen=True)
class SampleColumn:
    """One column of a sample.

    Args:
        name: The name in the file; for nested JSON the names that lead to the value, with points between them.
        texts: A text for each row; None where the file has no value.
        kind: The type if the file's format fixes it (`date`, `timestamp`, `boolean`, `double`, ...); empty if only the texts
            can tell.
    """

    name: str
    texts: tuple[str | None, ...]
    kind: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """The texts that are there."""
        return tuple(text for text in self.texts if text is not None)


@dataclass(frozen=True)
class Sample:
    """What was looked at.

    Args:
        path: The file.
        format: How it is written.
        columns: Its columns, in the file's order, all of the same length.
        rows: The number of rows that were looked at.
        whole: True if the file has no more rows.
        left_out: Column -> why it is no column of a feed.
        remarks: What else was noticed about how the file is written.
    """

    path: Path
    format: FileFormat
    columns: tuple[SampleColumn, ...]
    rows: int
    whole: bool
    left_out: dict[str, str]
    remarks: tuple[str, ...] = ()


def read_sample(path: Path) -> Sample:
    """Looks at the file at `path`: CSV or JSON lines, also as gzip, or Parquet, by the ending of its name.

    Raises:
        SpecError: the file is missing, empty, damaged or of another format, or has too few rows to infer anything from.
    """
    from landfall.starting import sample_csv, sample_json_lines, sample_parquet

    readers: dict[str, Callable[[Path], Sample]] = {
        ".csv": sample_csv.read,
        ".tsv": sample_csv.read,
        ".jsonl": sample_json_lines.read,
        ".ndjson": sample_json_lines.read,
        ".parquet": sample_parquet.read,
    }
    if not path.is_file():
        raise refused(path, "is not there" if not path.exists() else "is a folder", looked=str(path.absolute().parent))
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in readers or (ending == ".parquet" and path.suffix == ".gz"):
        known = ", ".join(known for known in readers if known != ".parquet")
        raise refused(path, f"ends in `{path.suffix}`", looked=f"known endings: {known} (also with .gz), .parquet")
    if not path.stat().st_size:
        raise refused(path, "is empty", looked=f"{path}: 0 bytes")
    try:
        sample = readers[ending](path)
    except OSError as error:
        raise refused(path, "cannot be read", looked=f"{path}: {error.strerror or error}") from error
    if sample.rows < 2:
        raise refused(
            path, f"has {sample.rows} row{'s' * (sample.rows != 1)}", looked="types and ranges need at least 2 rows"
        )
    if not 1 <= len(sample.columns) <= MOST_COLUMNS:
        raise refused(path, f"has {len(sample.columns)} columns", looked=f"expected 1 to {MOST_COLUMNS}")
    return sample


def refused(path: Path, problem: str, *, looked: str, next: str = "") -> SpecError:
    """The error about a sample."""
    usual = f"landfall new pipeline NAME --from {shlex.quote(str(path))}    (once the file is another)"
    return SpecError(
        f"The sample `{path.name}` {problem}.", looked=looked, left="nothing was written", next=next or usual
    )


def read_text(path: Path) -> tuple[str, str, bool]:
    """The beginning of a text file, up to the end of a line; its encoding, `utf-8` or `cp1252`; and True if it is the whole.

    Raises:
        SpecError: the file is not text, or damaged gzip.
    """
    import gzip
    import zlib

    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            beginning = file.read(MOST_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refused(path, "is not whole gzip", looked=f"{path}: {error}") from error
    whole = len(beginning) <= MOST_BYTES
    if not whole:
        end = beginning.rfind(b"\n", 0, MOST_BYTES)
        if end < 0:
            raise refused(path, "has no line end", looked=f"its first {MOST_BYTES:,} bytes")
        beginning = beginning[: end + 1]
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refused(path, "is UTF-16", looked=f"{path}: its first bytes", next=_to_utf_8(path, "utf-16"))
    if b"\0" in beginning:
        raise refused(path, "is not text", looked=f"{path}: byte 0 at {beginning.index(0):,}")
    try:
        return beginning.decode("utf-8-sig"), "utf-8", whole
    except UnicodeDecodeError as error:
        try:
            return beginning.decode("cp1252"), "cp1252", whole
        except UnicodeDecodeError:
            looked = f"{path}: byte {beginning[error.start]:#04x} at {error.start:,}"
            raise refused(
                path, "is neither UTF-8 nor cp1252", looked=looked, next=_to_utf_8(path, "ENCODING")
            ) from None


def _to_utf_8(path: Path, encoding: str) -> str:
    return f"iconv -f {encoding} -t utf-8 {shlex.quote(str(path))} > SAMPLE.csv"
