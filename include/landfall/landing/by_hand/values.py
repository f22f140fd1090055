"""The values of a contract's columns, from their text: what Parquet and JSON hold in place of it."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from landfall.spec import Column, forms

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def moment(text: str, column: Column) -> datetime:
    """The moment that a text of a timestamp column says, in UTC.

    Raises:
        ValueError: it says none, or lacks its offset and the column has no zone.
    """
    if _has(forms.MILLISECONDS, text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if _has(forms.WITH_OFFSET, text):
        return datetime.fromisoformat(text).astimezone(UTC)
    if column.zone and _has(forms.WITHOUT_OFFSET, text):
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(column.zone)).astimezone(UTC)
    raise ValueError(text)


def value(text: str, column: Column) -> object:
    """The value that a text says, of Python's type for the column.

    Raises:
        ValueError: the text is not of the column's type.
    """
    return _VALUES[column.type](text.strip(), column)


def json_value(text: str, column: Column) -> str:
    """The JSON of a text: a number, true, false, a string, or null if it is empty. A text of another type stays a string."""
    if not text:
        return "null"
    if column.type in ("int", "bigint", "double", "decimal", "boolean"):
        try:
            typed = value(text, column)
        except ValueError:
            return json.dumps(text, ensure_ascii=False)
        if isinstance(typed, bool):
            return "true" if typed else "false"
        return text if _JSON_NUMBER.fullmatch(text) else str(typed)
    return json.dumps(text, ensure_ascii=False)


def _has(form: str, text: str) -> bool:
    return re.search(form, text, re.ASCII) is not None and not text.endswith("\n")


def _int(text: str, column: Column) -> int:
    if not _has(forms.INT if column.type == "int" else forms.BIGINT, text):
        raise ValueError(text)
    return int(text)


def _double(text: str, column: Column) -> float:
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError(text)
    return number


def _decimal(text: str, column: Column) -> Decimal:
    if not _has(forms.decimal_form(column), text):
        raise ValueError(text)
    return Decimal(text)


def _boolean(text: str, column: Column) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _date(text: str, column: Column) -> date:
    if not _has(forms.DATE, text):
        raise ValueError(text)
    return date.fromisoformat(text)


_VALUES: dict[str, Callable[[str, Column], object]] = {
    "int": _int,
    "bigint": _int,
    "double": _double,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "timestamp": moment,
    "string": lambda text, column: text,
}
