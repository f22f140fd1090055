"""Prediction tables, which applications read. They have one row for each key."""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from landfall.errors import SpecError
from landfall.spec.calendar import Calendar
from landfall.spec.mirror import DynamoMirror

SqlType = Literal["text", "double precision", "bigint", "timestamptz"]
ADDED = ("model_version", "partition", "published_at")
READER = "landfall_reader"
"""The role with which applications read predictions. It may read every prediction table and nothing else."""


@dataclass(frozen=True, kw_only=True)
class PredictionTable:
    """A Postgres table `schema.name`, partitioned by the day or the hour of its time column.

    Besides `columns` every table carries `model_version text`, `partition` and `published_at timestamptz`. `partition` is a date
    if partitions are days, and text such as `2012-12-25T07` if they are hours.

    Args:
        name: `schema.table`, in lower case.
        columns: Name of a column -> its SQL type, in the order of the table. The columns of the key are among them.
        key: The columns of the primary key. `time` must be among them.
        time: The timestamptz column whose day or hour is the partition.
        keep: The number of earlier publications of a partition that are kept for a rollback.
        calendar: The partitions: days or hours, and of which time zone.
        mirror: A DynamoDB table that `landfall mirror` copies what is published to; None: none.
    """

    name: str
    columns: dict[str, SqlType]
    key: tuple[str, ...]
    time: str = "time"
    keep: int = 3
    calendar: Calendar = field(default_factory=Calendar)
    mirror: DynamoMirror | None = None

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

    @property
    def added(self) -> dict[str, str]:
        """The columns that the table has besides the declared ones, with their types."""
        partition = "text" if self.calendar.hourly else "date"
        return {"model_version": "text", "partition": partition, "published_at": "timestamptz"}

    @property
    def values(self) -> tuple[str, ...]:
        """The declared columns that are not in the key."""
        return tuple(name for name in self.columns if name not in self.key)

    @property
    def value(self) -> str:
        """The column of a prediction table that holds the prediction: the one outside of the key.

        Raises:
            SpecError: there are several such columns, or none.
        """
        if len(self.values) != 1:
            raise SpecError(
                f"`{self.name}` needs exactly one column outside of its key, for the prediction.",
                looked=f"outside of the key ({', '.join(self.key)}): {', '.join(self.values) or 'none'}",
            )
        return self.values[0]
