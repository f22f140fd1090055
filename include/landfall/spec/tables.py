"""Prediction tables, which applications read. They have one row for each key."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from landfall.errors import SpecError

SqlType = Literal["text", "double precision", "bigint", "timestamptz"]
ADDED = ("model_version", "partition", "published_at")
READER = "landfall_reader"
"""The role with which applications read predictions. It may read every prediction table and nothing else."""


@dataclass(frozen=True, kw_only=True)
class PredictionTable:
    """A Postgres table `schema.name`, partitioned by the UTC day of its time column.

    Besides `columns` every table carries `model_version text`, `partition date` and `published_at timestamptz`.

    Args:
        name: `schema.table`, in lower case.
        columns: Name of a column -> its SQL type, in the order of the table. The columns of the key are among them.
        key: The columns of the primary key. `time` must be among them.
        time: The timestamptz column whose UTC day is the partition.
        keep: The number of earlier publications of a partition that are kept for a rollback.
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
