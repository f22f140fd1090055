"""Column: the type of one column of a contract, and what its values promise."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from landfall.errors import SpecError
from landfall.spec.patterns import check_pattern

ColumnType = Literal["int", "bigint", "double", "decimal", "boolean", "date", "timestamp", "string"]
NUMBERS = ("int", "bigint", "double", "decimal")
_OF_TYPE = {
    "minimum": NUMBERS,
    "maximum": NUMBERS,
    "precision": ("decimal",),
    "scale": ("decimal",),
    "zone": ("timestamp",),
    "pattern": ("string",),
    "allowed": ("string",),
}
"""Field -> the types that it is for."""


@dataclass(frozen=True, kw_only=True)
class References:
    """A column of a feature table that must have the value.

    Args:
        table: The feature table, `schema.name`.
        column: Its column.
        same_partition: True if the row must be in the same partition of that table; False if it may be in any.
    """

    table: str
    column: str
    same_partition: bool = False

    def __post_init__(self) -> None:
        if self.table.count(".") != 1 or not all(part.isidentifier() for part in (*self.table.split("."), self.column)):
            raise SpecError(f"References to `{self}` is no column of a table.", looked="expected schema.table, column")

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, and what its values promise.

    Numbers are plain: `int` has at most 9 digits, `bigint` at most 18; NaN and infinities are never allowed. A `boolean` is
    `true` or `false`. A `date` is YYYY-MM-DD. A `timestamp` is an ISO 8601 date and time with an offset, or the milliseconds
    since 1970 (11 to 14 digits: ten would be seconds).

    Args:
        name: The name in the landed files.
        type: One of `ColumnType`.
        minimum: The smallest number that is allowed.
        maximum: The largest number that is allowed.
        precision: Of a `decimal`: the number of its digits, at most 38. A value with more digits is refused, not rounded.
        scale: Of a `decimal`: how many of them come after the point.
        zone: Of a `timestamp`: the time zone of values without an offset. Without a zone these are refused.
        pattern: Of a `string`: the regular expression that the whole text must match. A text over 200 characters does not.
        allowed: Of a `string`: the values that are allowed.
        nullable: True if the value may be absent: an empty text, JSON's null or Parquet's. A file may then lack the column too.
        unique: True if no two rows of a partition may have the same value.
        references: A column of another feed's feature table that must have the value.
        renamed_from: The name that the column has in older files. A file has one of the two names.
    """

    name: str
    type: ColumnType
    minimum: float | None = None
    maximum: float | None = None
    precision: int = 0
    scale: int = 0
    zone: str = ""
    pattern: str = ""
    allowed: tuple[str, ...] = ()
    nullable: bool = False
    unique: bool = False
    references: References | None = None
    renamed_from: str = ""

    def __post_init__(self) -> None:
        if self.type not in get_args(ColumnType):
            known = ", ".join(get_args(ColumnType))
            raise SpecError(f"Column `{self.name}` has type `{self.type}`.", looked=f"known: {known}")
        for field, types in _OF_TYPE.items():
            if getattr(self, field) not in (None, 0, "", ()) and self.type not in types:
                raise SpecError(
                    f"Column `{self.name}` has {field}, but its type is `{self.type}`.",
                    looked=f"{field} is for {', '.join(types)}",
                )
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise SpecError(f"Column `{self.name}` has an empty range.", looked=f"{self.minimum} > {self.maximum}")
        if self.type == "decimal" and not (1 <= self.precision <= 38 and 0 <= self.scale <= self.precision):
            raise SpecError(
                f"Column `{self.name}` is a decimal({self.precision},{self.scale}).",
                looked="expected precision from 1 to 38, and scale from 0 to precision",
            )
        if self.pattern:
            check_pattern(self.pattern, f"column `{self.name}`")
        self._check_zone()

    def _check_zone(self) -> None:
        if not self.zone:
            return
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise SpecError(
                f"Column `{self.name}` has the zone `{self.zone}`.",
                looked="expected a name of the IANA database, such as Europe/Berlin",
            ) from None

    @property
    def sql_type(self) -> str:
        """The type of its values in Spark SQL."""
        return f"decimal({self.precision},{self.scale})" if self.type == "decimal" else self.type

    def to_dict(self) -> dict[str, Any]:
        """The fields in values that JSON can hold, without those that have their default."""
        defaults = {attribute.name: attribute.default for attribute in fields(self)}
        return {
            name: value for name, value in asdict(self).items() if defaults[name] is MISSING or value != defaults[name]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The column that `to_dict` wrote."""
        known = dict(values)
        if "allowed" in known:
            known["allowed"] = tuple(known["allowed"])
        if "references" in known:
            known["references"] = References(**known["references"])
        return cls(**known)
