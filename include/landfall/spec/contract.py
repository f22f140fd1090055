"""Contract: what the rows of a landed partition promise."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, Self

from landfall.errors import SpecError

ColumnType = Literal["int", "double", "date", "string"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, and the range that its values must lie in, bounds included. NaN and infinities are never allowed."""

    name: str
    type: ColumnType
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if self.type not in ("int", "double", "date", "string"):
            raise SpecError(f"Column `{self.name}` has type `{self.type}`.", looked="known: int, double, date, string")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise SpecError(f"Column `{self.name}` has an empty range.", looked=f"{self.minimum} > {self.maximum}")


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The columns and the key of landed rows, and the share of bad rows that a partition may have before it fails.

    Args:
        columns: Exactly the columns that a file must have, in any order.
        key: The columns that identify a row. A second row with the same key is quarantined.
        partition_by: The date column that must equal the partition's day.
        max_bad_share: The largest share (0 to 1) of quarantined rows with which the partition still counts as good.
        max_bytes: The largest text of one object, in bytes; a gzip object is measured unpacked. A larger object is given up
            before Spark reads it.
        max_line_bytes: The longest line, in bytes. The number of columns needs no limit of its own: `columns` fixes it.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition_by: str
    max_bad_share: float = 0.1
    max_bytes: int = 512 * 1024**2
    max_line_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        for field, wanted in (("key", self.key), ("partition_by", (self.partition_by,))):
            for name in wanted:
                if name not in names:
                    raise SpecError(f"Contract.{field} names `{name}`.", looked=f"known columns: {', '.join(names)}")
        if len(set(names)) != len(names):
            raise SpecError("Contract.columns has a name twice.", looked=", ".join(names))
        if not 0 <= self.max_bad_share <= 1:
            raise SpecError(f"Contract.max_bad_share is {self.max_bad_share}.", looked="expected a share from 0 to 1")
        for field, limit in (("max_bytes", self.max_bytes), ("max_line_bytes", self.max_line_bytes)):
            if limit < 1:
                raise SpecError(f"Contract.{field} is {limit}.", looked="expected a number of bytes, 1 or more")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the declared order."""
        return tuple(column.name for column in self.columns)

    @property
    def version(self) -> str:
        """A digest that changes when the contract changes: the first 12 hex digits of the SHA-256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """The contract as one line of JSON. A job gets it in this form on its command line."""
        fields = asdict(self)
        for limit in ("max_bytes", "max_line_bytes"):  # a default limit is left out, so that the version stays the same
            if fields[limit] == type(self).__dataclass_fields__[limit].default:
                del fields[limit]
        fields["columns"] = [{k: v for k, v in column.items() if v is not None} for column in fields["columns"]]
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The contract that `to_json` wrote."""
        fields = json.loads(text)
        fields["columns"] = tuple(Column(**column) for column in fields["columns"])
        fields["key"] = tuple(fields["key"])
        return cls(**fields)
