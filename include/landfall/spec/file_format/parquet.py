"""Apache Parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from landfall.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class Parquet:
    """Parquet files, whose pages are plain, or packed by snappy, gzip or zstd. Columns that the contract lacks are ignored."""

    kind: ClassVar[str] = "Parquet"
    reader: ClassVar[str] = "spark_jobs.formats.parquet:ParquetReader"
    endings: ClassVar[tuple[str, ...]] = (".parquet",)
    readable: ClassVar[tuple[str, ...]] = (".parquet",)
    object_name: ClassVar[str] = "rows.parquet"
    content_type: ClassVar[str] = "application/vnd.apache.parquet"

    def __str__(self) -> str:
        return "Parquet"

    @property
    def point(self) -> str:
        return "."

    def check_columns(self, names: Sequence[str]) -> None:
        return

    def to_dict(self) -> dict[str, object]:
        return {}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        if values:
            raise SpecError(f"`{dict(values)}` is not a Parquet.", looked="it has no fields")
        return cls()
