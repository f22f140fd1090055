"""Prediction tables: what applications read, one row a key."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from landfall.errors import SpecError

SqlType = Literal["text", "double precision", "bigint", "timestamptz"]
ADDED = ("model_version", "partition", "published_at")
READER = "landfall_reader"
"""The role that applications read predictions with. It may read every prediction table, and nothing else."""


@dataclass(frozen=True, kw_only=True)
class PredictionTable:
    """A Postgres table `schema.name`, partitioned by the UTC day of its time column.

    Besides `columns` every table carries `model_version text`, `partition date` and `published_at timestamptz`.

    Args:
        name: `schema.table`, lower case.
        columns: Column name -> SQL type, in table order, the key's columns included.
        key: Primary key. Must hold `time`.
        time: The timestamptz column whose UTC day is the partition.
        keep: How many earlier publications of a partition are kept for rollback.
    """

    name: str
    columns: dict[str, SqlType]
    key: tuple[str, ...]
    time: str = "time"
    keep: int = 3

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", self.name):
            raise SpecError(
                f"PredictionTable.name `{self.name}` is not a table.", looked="expected schema.table, lower case"
            )
        for name, kind in self.columns.items():
            if kind not in get_args(SqlType):
                raise SpecError(
                    f"PredictionTable `{self.name}`: column `{name}` has type `{kind}`.",
                    looked=f"known: {', '.join(get_args(SqlType))}",
                )
            if name in ADDED or len(name.encode()) > 63:
                raise SpecError(
                    f"PredictionTable `{self.name}` cannot have a column `{name}`.",
                    looked=f"at most 63 bytes, and not one of those every table gets: {', '.join(ADDED)}",
                )
        for name in (*self.key, self.time):
            if name not in self.columns:
                raise SpecError(
                    f"PredictionTable `{self.name}` has no column `{name}`.", looked=f"known: {', '.join(self.columns)}"
                )
        if self.time not in self.key or self.columns[self.time] != "timestamptz":
            raise SpecError(f"PredictionTable `{self.name}` needs a timestamptz `{self.time}` in its key.")
