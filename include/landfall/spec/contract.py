"""Contract: what the rows of a landed partition promise."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Self

from landfall.errors import SpecError
from landfall.spec.column import Column
from landfall.spec.landing import Landing

OFTEN_DEFAULT = ("partition_hour", "max_bytes", "max_line_bytes")
"""Fields that the JSON leaves out if they have their default, so that the versions of older contracts stay the same."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The columns and the key of landed rows, and the share of bad rows that a partition may have before it fails.

    Args:
        columns: Exactly the columns that a CSV file must have, in any order. JSON and Parquet may have others, which are ignored.
        key: The columns that identify a row. A second row with the same key is quarantined. Empty if no columns identify rows.
        partition_by: The column that says which partition a row belongs to: a date, or a timestamp, whose moment must lie in
            the partition in the landing's time zone. Empty if a row belongs to the folder in which it lies.
        partition_hour: The `int` column with the hour (0 to 23) of the partition, if `partition_by` is the date of an hourly
            landing.
        max_bad_share: The largest share (0 to 1) of quarantined rows with which the partition still counts as good.
        max_bytes: The largest text of one object, in bytes; a gzip object is measured unpacked, and so are the pages of
            Parquet. A larger object is given up before Spark reads it.
        max_line_bytes: The longest line, in bytes. The number of columns needs no limit of its own: `columns` fixes it.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_by: str
    partition_hour: str = ""
    max_bad_share: float = 0.1
    max_bytes: int = 512 * 1024**2
    max_line_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        parts = (("partition_by", self.partition_by), ("partition_hour", self.partition_hour))
        for field, wanted in (("key", self.key), *((field, (name,)) for field, name in parts if name)):
            for name in wanted:
                if name not in names:
                    raise SpecError(f"Contract.{field} names `{name}`.", looked=f"known columns: {', '.join(names)}")
        every_name = names + [column.renamed_from for column in self.columns if column.renamed_from]
        if len(set(every_name)) != len(every_name):
            raise SpecError("Contract.columns has a name twice.", looked=", ".join(every_name))
        self._check_partition()
        if not 0 <= self.max_bad_share <= 1:
            raise SpecError(f"Contract.max_bad_share is {self.max_bad_share}.", looked="expected a share from 0 to 1")
        for field, limit in (("max_bytes", self.max_bytes), ("max_line_bytes", self.max_line_bytes)):
            if limit < 1:
                raise SpecError(f"Contract.{field} is {limit}.", looked="expected a number of bytes, 1 or more")

    def _check_partition(self) -> None:
        types = {"partition_by": ("date", "timestamp"), "partition_hour": ("int",)}
        for field, name in (("partition_by", self.partition_by), ("partition_hour", self.partition_hour)):
            if name and self.column(name).type not in types[field]:
                raise SpecError(
                    f"Contract.{field} names `{name}` of type `{self.column(name).type}`.",
                    looked=f"expected {' or '.join(types[field])}",
                )
        if self.partition_hour and (not self.partition_by or self.column(self.partition_by).type != "date"):
            raise SpecError(
                f"Contract.partition_hour names `{self.partition_hour}` without a date.",
                looked="expected a date column in partition_by",
            )
        for name in (*self.key, self.partition_by, self.partition_hour):
            if name and self.column(name).nullable:
                raise SpecError(
                    f"Column `{name}` is nullable.", looked="the key and the partition of a row are always known"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the declared order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            SpecError: there is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise SpecError.unknown("column", name, list(self.names))

    @property
    def version(self) -> str:
        """A digest that changes when the contract changes: the first 12 hex digits of the SHA-256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def check_landing(self, landing: Landing) -> None:
        """Checks that the objects of `landing` can hold the columns, and that the rows can say their partition.

        Raises:
            SpecError: two columns have one place, or the landing is hourly and the rows say only their day, or the reverse.
        """
        older = [column.renamed_from for column in self.columns if column.renamed_from]
        landing.format.check_columns([*self.names, *older])
        if not self.partition_by or self.column(self.partition_by).type == "timestamp":
            return
        if landing.calendar.hourly == bool(self.partition_hour):
            return
        raise SpecError(
            f"The rows of `{landing.name}` say {'an hour' if self.partition_hour else 'a day'}, but land by the "
            f"{'hour' if landing.calendar.hourly else 'day'}.",
            looked=f"Contract.partition_by is `{self.partition_by}`, partition_hour is `{self.partition_hour}`",
            next="name the column of the hour in Contract.partition_hour, for hourly landings only",
        )

    def to_json(self) -> str:
        """The contract as one line of JSON. A job gets it in this form on its command line."""
        values = {**asdict(self), "columns": [column.to_dict() for column in self.columns]}
        for field in OFTEN_DEFAULT:
            if values[field] == type(self).__dataclass_fields__[field].default:
                del values[field]
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The contract that `to_json` wrote."""
        values = json.loads(text)
        values["columns"] = tuple(Column.from_dict(column) for column in values["columns"])
        values["key"] = tuple(values["key"])
        return cls(**values)
