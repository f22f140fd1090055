"""The key of a row, as an application or a person writes it, in the types of the table's columns."""

import math
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from landfall.errors import PublishingError
from landfall.spec import PredictionTable

KeyValue = str | int | float | datetime
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_key(table: PredictionTable, key: Mapping[str, KeyValue]) -> dict[str, KeyValue]:
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


def _written(table: PredictionTable, key: Mapping[str, KeyValue]) -> str:
    written = (f"{name}={shlex.quote(str(key[name])) if name in key else example(table, name)}" for name in table.key)
    return f"give {' '.join(written)}"


EXPECTED = {
    "text": "text without NUL characters",
    "bigint": "a whole number of 64 bits",
    "double precision": "a finite number",
    "timestamptz": "epoch milliseconds (1356436800000) or ISO 8601 (2012-12-25T12:00, UTC where no offset is given)",
}
EXAMPLES = {"bigint": "7", "double precision": "0.5", "timestamptz": "2012-12-25T12:00"}


def example(table: PredictionTable, name: str) -> str:
    """An example value for a key column. Nobody knows the values of a text column, so its name stands in their place."""
    return EXAMPLES.get(table.columns[name], name.upper())


def parse_value(name: str, kind: str, value: KeyValue) -> KeyValue:
    """The value of the key column `name`, in the type of the column.

    Raises:
        PublishingError: the value is malformed.
    """
    try:
        return PARSERS[kind](value)
    except (ValueError, OverflowError, TypeError):
        raise PublishingError(
            f"The key column `{name}` cannot be {value!r}.", looked=f"expected {EXPECTED[kind]}", fault="request"
        ) from None


def _text(value: KeyValue) -> str:
    text = str(value)
    text.encode()  # raises for a lone surrogate: undecodable bytes of a command line become such
    if "\0" in text:
        raise ValueError
    return text


def _bigint(value: KeyValue) -> int:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value, re.ASCII):
        raise ValueError
    if isinstance(value, datetime) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError
    return number


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


PARSERS: dict[str, Callable[[KeyValue], KeyValue]] = {
    "text": _text,
    "bigint": _bigint,
    "double precision": _double,
    "timestamptz": _time,
}
