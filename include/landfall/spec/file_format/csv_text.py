"""CSV and its dialects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from landfall.errors import SpecError

ENCODINGS = ("utf-8", "iso-8859-1", "cp1252")
"""The encodings that Spark and Python read alike, on every compute target. In all of them a line ends with the same bytes."""


@dataclass(frozen=True, kw_only=True)
class Csv:
    """Lines of values. A line end always ends a row, also between quotes.

    Args:
        delimiter: The character between two values.
        quote: The character around a value that holds the delimiter; empty if no value is quoted.
        decimal: The decimal point, `.` or `,`. Thousands have no separator.
        encoding: `utf-8`, `iso-8859-1` or `cp1252`.
        header: True if the first line names the columns, in any order. Without a header the columns are those of the contract,
            in its order.
    """

    kind: ClassVar[str] = "Csv"
    reader: ClassVar[str] = "spark_jobs.formats.csv_text:CsvReader"
    endings: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz")
    readable: ClassVar[tuple[str, ...]] = (".csv", ".txt", ".tsv", ".gz")
    object_name: ClassVar[str] = "hours.csv"
    content_type: ClassVar[str] = "text/csv"

    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    encoding: str = "utf-8"
    header: bool = True

    def __post_init__(self) -> None:
        for name, sign, sizes in (("delimiter", self.delimiter, (1,)), ("quote", self.quote, (0, 1))):
            usable = sign.isascii() and not sign.isalnum() and sign not in ("\n", "\r", "\\", "\0", "+", "-", ".")
            if len(sign) not in sizes or not usable:
                raise SpecError(f"Csv.{name} is {sign!r}.", looked="expected one character, such as , ; | or a tab")
        if self.decimal not in (".", ","):
            raise SpecError(f"Csv.decimal is {self.decimal!r}.", looked="expected . or ,")
        if self.delimiter in (self.quote, self.decimal):
            raise SpecError(
                f"Csv.delimiter {self.delimiter!r} is also the quote or the decimal point.",
                looked="expected another one",
            )
        if self.encoding not in ENCODINGS:
            raise SpecError.unknown("encoding", self.encoding, list(ENCODINGS))

    def __str__(self) -> str:
        return "CSV"

    @property
    def point(self) -> str:
        return self.decimal

    def check_columns(self, names: Sequence[str]) -> None:
        return

    def to_dict(self) -> dict[str, object]:
        values = {attribute.name: getattr(self, attribute.name) for attribute in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(type(self), name)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        known = {attribute.name: type(getattr(cls, attribute.name)) for attribute in fields(cls)}
        if any(name not in known or type(value) is not known[name] for name, value in values.items()):
            raise SpecError(f"`{dict(values)}` is not a Csv.", looked=f"its fields: {', '.join(known)}")
        return cls(**values)
