"""The key of a row, as an application or a person writes it, in the types of the table's columns."""

import math
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from landfall.errors import PublishingError

KeyValue = str | int | float | datetime
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Keyed(Protocol):
    """A table whose rows are read by their key."""

    @property
    def name(self) -> str:
        """`schema.table`."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Column -> its SQL type."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the key."""


def parse_key(table: Keyed, key: Mapping[str, KeyValue]) -> dict[str, KeyValue]:
    """The key with each value in the type of its column, in the order of the table's key.

    A time may be given as an aware datetime, as epoch milliseconds, or as ISO 8601 (UTC if it names no offset).

    Raises:
        PublishingError: a column is missing, unknown or malformed.
    """
    for name in key:
        if name not in table.key:
            error = PublishingError.unknown(f"key column of `{table.name}`", name, list(table.key))
            looked = f"the key is {', '.join(table.key)}"
            raise PublishingError(error.what, looked=looked, next=_written(table, key), fault="request")
    if missing := [name for name in table.key if name not in key]:
        raise PublishingError(
            f"The key of `{table.name}` is incomplete: `{'`, `'.join(missing)}` is missing.",
            looked=f"the key is {', '.join(table.key)}",
            next=_written(table, key),
            fault="request",
        )
    return {name: parse_value(name, table.columns[name], key[name]) for name in table.key}


def _written(table: Keyed, key: Mapping[str, KeyValue]) -> str:
    written = (f"{name}={shlex.quote(str(key[name])) if name in key else example(table, name)}" for name in table.key)
    return f"give {' '.join(written)}"


EXPECTED = {
    "text": "text without NUL characters",
    "bigint": "a whole number of 64 bits",
    "double precision": "a finite number",
    "timestamptz": "epoch milliseconds (1356436800000) or ISO 8601 (2012-12-25T12:00, UTC where no offset is given)",
    "character varying": "text without NUL characters",
    "smallint": "a whole number of 16 bits",
    "integer": "a whole number of 32 bits",
    "numeric": "a number",
    "boolean": "true or false",
    "date": "a day (2012-12-25)",
    "uuid": "a UUID",
}
EXAMPLES = {
    "bigint": "7", "double precision": "0.5", "timestamptz": "2012-12-25T12:00", "smallint": "7", "integer": "7",
    "numeric": "0.5", "boolean": "true", "date": "2012-12-25", "uuid": "8c5b5e0a-5a1d-4f3c-9d4e-2f1b0c7a6e11",
}  # fmt: skip
AS_TEXT = ("character varying", "numeric", "boolean", "date", "uuid")
"""Types whose values go to PostgreSQL as text and are cast there, so that every driver sends the same."""


def example(table: Keyed, name: str) -> str:
    """An example value for a key column. Nobody knows the values of a text column, so its name stands in their place."""
    return EXAMPLES.get(without_modifier(table.columns[name]), name.upper())


def without_modifier(kind: str) -> str:
    """The type without what stands in brackets: `numeric` of `numeric(7,2)`."""
    return kind.partition("(")[0].strip()


def can_be_key(kind: str) -> bool:
    """True if rows can be read by a column of this type."""
    return without_modifier(kind) in PARSERS


def placeholder(number: int, kind: str, *, several: bool = False) -> str:
    """The parameter `$number` as SQL writes it for a key column of this type; with `several`, for an array of its values."""
    plain, array = without_modifier(kind), "[]" if several else ""
    return f"${number}{f'::text{array}' if plain in AS_TEXT else ''}::{plain}{array}"


def parse_value(name: str, kind: str, value: KeyValue) -> KeyValue:
    """The value of the key column `name`, in the type of the column.

    Raises:
        PublishingError: the value is malformed.
    """
    kind = without_modifier(kind)
    try:
        return PARSERS[kind](value)
    except (ValueError, OverflowError, TypeError, ArithmeticError):
        raise PublishingError(
            f"The key column `{name}` cannot be {value!r}.", looked=f"expected {EXPECTED[kind]}", fault="request"
        ) from None


def _text(value: KeyValue) -> str:
    text = str(value)
    text.encode()  # raises for a lone surrogate: undecodable bytes of a command line become such
    if "\0" in text:
        raise ValueError
    return text


def _whole(value: KeyValue, bits: int) -> int:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value, re.ASCII):
        raise ValueError
    if isinstance(value, datetime) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError
    return number


def _smallint(value: KeyValue) -> int:
    return _whole(value, 16)


def _integer(value: KeyValue) -> int:
    return _whole(value, 32)


def _bigint(value: KeyValue) -> int:
    return _whole(value, 64)


def _double(value: KeyValue) -> float:
    if isinstance(value, datetime) or not math.isfinite(number := float(value)):
        raise ValueError
    return number


def _time(value: KeyValue) -> datetime:
    if isinstance(value, str) and not re.fullmatch(r"-?\d+", value, re.ASCII):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return EPOCH + timedelta(milliseconds=_bigint(value))


def _numeric(value: KeyValue) -> str:
    number = Decimal(str(value))
    if not number.is_finite() or abs(number.adjusted()) > 1000:
        raise ValueError
    return str(number)


def _boolean(value: KeyValue) -> str:
    if str(value).lower() not in ("true", "false"):
        raise ValueError
    return str(value).lower()


def _date(value: KeyValue) -> str:
    return date.fromisoformat(str(value)).isoformat()


def _uuid(value: KeyValue) -> str:
    return str(UUID(str(value)))


PARSERS: dict[str, Callable[[KeyValue], KeyValue]] = {
    "text": _text,
    "bigint": _bigint,
    "double precision": _double,
    "timestamptz": _time,
    "character varying": _text,
    "smallint": _smallint,
    "integer": _integer,
    "numeric": _numeric,
    "boolean": _boolean,
    "date": _date,
    "uuid": _uuid,
}
