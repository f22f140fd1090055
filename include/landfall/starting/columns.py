"""Infers what one column of a sample promises: its type, its range, whether it may be absent; with the reasons in words."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from landfall.spec import Column
from landfall.spec.column import ColumnType
from landfall.starting.names import shown
from landfall.starting.sample import SampleColumn

ROOM = 0.25
"""The room that a range gets on either side, as a share of its span."""
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_LEADING_ZERO = re.compile(r"[+-]?0\d")
_CLOCK = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_LOCAL = re.compile(_CLOCK)
_OFFSET = re.compile(_CLOCK + r"(Z|[+-]\d{2}(:?\d{2})?)")
_MILLISECONDS = re.compile(r"\d{12,14}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
TIME_WORDS = ("time", "timestamp", "datetime", "ts", "at", "when", "moment")
ID_WORDS = ("id", "key", "uuid", "guid", "code", "number", "no", "nr", "instant", "index", "serial")


@dataclass(frozen=True)
class InferredColumn:
    """A column, and why it is declared so.

    Args:
        column: The declaration.
        texts: Its values in the sample, None where there is none.
        why: The reasons, in words.
    """

    column: Column
    texts: tuple[str | None, ...]
    why: str

    @property
    def name(self) -> str:
        """Its declared name."""
        return self.column.name

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name."""
        return tuple(self.column.name.split("_"))


def infer_column(sampled: SampleColumn, name: str, zone: str) -> InferredColumn:
    """The declaration of a column that is called `name`.

    Args:
        sampled: The column of the sample.
        name: The name that it gets.
        zone: The time zone of times without an offset.
    """
    kind, why = _type(sampled, name)
    nullable = len(sampled.values) < len(sampled.texts)
    reasons = [why]
    low = high = None
    if kind in ("bigint", "double"):
        low, high, room = _range(sampled.values, kind, counts=_counts(name, sampled.values))
        reasons.append(room)
    local = kind == "timestamp" and any(_LOCAL.fullmatch(value) for value in sampled.values)
    if local:
        reasons.append(f"without an offset, so read as times of {zone}")
    if nullable:
        absent = len(sampled.texts) - len(sampled.values)
        reasons.append(f"{absent:,} of {len(sampled.texts):,} rows have no value, so it is nullable")
    if name != sampled.name:
        reasons.append(f"called `{shown(sampled.name)}` in the file")
    column = Column(
        name=name,
        type=kind,
        minimum=low,
        maximum=high,
        zone=zone if local else "",
        nullable=nullable,
        renamed_from="" if name == sampled.name else sampled.name,
    )
    return InferredColumn(column, sampled.texts, "; ".join(filter(None, reasons)))


def _type(sampled: SampleColumn, name: str) -> tuple[ColumnType, str]:
    values = sampled.values
    if not values:
        return "string", "text, because the sample has no value that says more"
    if sampled.kind == "text" and not _times(values):
        return "string", "the file says that it is text"
    checks: tuple[tuple[ColumnType, Callable[[tuple[str, ...], str], bool], str], ...] = (
        ("boolean", lambda texts, _: {text.lower() for text in texts} <= {"true", "false"}, "only true and false"),
        ("timestamp", _milliseconds, "whole numbers of 12 to 14 digits, in a column that is named after a time"),
        ("bigint", lambda texts, _: all(_INTEGER.fullmatch(text) for text in texts), "only whole numbers"),
        ("double", _numbers, "only numbers"),
        ("date", lambda texts, _: all(_is_day(text) for text in texts), "only days, YYYY-MM-DD"),
        ("timestamp", lambda texts, _: _times(texts), "only ISO 8601 times"),
    )
    if sampled.kind == "double":
        return "double", "the file says that it is a number"
    for kind, holds, why in checks:
        if holds(values, name):
            return kind, why
    if any(_LEADING_ZERO.match(text) for text in values):
        return "string", "numbers with leading zeros, which would be lost"
    other = next((text for text in values if not _NUMBER.fullmatch(text)), values[0])
    return "string", f"text, such as `{shown(other)}`"


def _numbers(texts: tuple[str, ...], name: str) -> bool:
    plain = all(_NUMBER.fullmatch(text) and not _LEADING_ZERO.match(text) for text in texts)
    return plain and all(math.isfinite(float(text)) for text in texts)


def _milliseconds(texts: tuple[str, ...], name: str) -> bool:
    return name.split("_")[-1] in TIME_WORDS and all(_MILLISECONDS.fullmatch(text) for text in texts)


def _is_day(text: str) -> bool:
    return bool(_DAY.fullmatch(text)) and parsed(text) is not None


def _times(texts: tuple[str, ...]) -> bool:
    """True if all values are times, either all with an offset or all without: mixed ones cannot be ordered."""
    forms = [all(form.fullmatch(text) for text in texts) for form in (_LOCAL, _OFFSET)]
    return (any(forms) or all(_is_day(text) for text in texts)) and all(parsed(text) is not None for text in texts)


def parsed(text: str) -> datetime | None:
    """The day or the time that a text says; None if it says none. A time without an offset is naive."""
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000).astimezone()
    try:
        return (
            datetime.fromisoformat(text)
            if ":" in text
            else datetime.combine(date.fromisoformat(text), datetime.min.time())
        )
    except ValueError:
        return None


def _counts(name: str, values: tuple[str, ...]) -> bool:
    """True for a column that names rows, so that its numbers grow: by its name, or because each value is one more than before."""
    if name.split("_")[-1] in ID_WORDS:
        return True
    numbers = [int(value) for value in values] if all(_INTEGER.fullmatch(value) for value in values) else []
    return len(numbers) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def counts(inferred: InferredColumn) -> bool:
    """True for a column that names rows: see `_counts`."""
    return _counts(inferred.name, tuple(text for text in inferred.texts if text is not None))


def _range(values: tuple[str, ...], kind: ColumnType, *, counts: bool) -> tuple[float | None, float | None, str]:
    """The range with room on either side, and why. Where no value is negative, none will be."""
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    positive = 0.0 if low >= 0 else None
    span = f"{low:g} to {high:g} in the sample"
    if counts:
        return positive, None, f"{span}; it counts on, so it has no maximum"
    if low == high:
        return positive, None, f"always {low:g} in the sample, so it has no maximum"
    if kind == "bigint" and set(numbers) == {0.0, 1.0}:
        return 0.0, 1.0, "0 or 1 in the sample"
    room = (high - low) * ROOM
    if not (math.isfinite(low - room) and math.isfinite(high + room)):
        return positive, None, f"{span}; too wide for a range"
    lower = low - room if positive is None else max(low - room, 0.0)
    whole = kind == "bigint"
    down = float(math.floor(lower)) if whole else min(_outward(lower, room, math.floor), low)
    up = float(math.ceil(high + room)) if whole else max(_outward(high + room, room, math.ceil), high)
    return down, up, f"{span}, with room of a quarter of that span"


def _outward(value: float, room: float, rounded: Callable[[float], int]) -> float:
    """`value`, rounded away from the sample to two digits of the room: short to read, and hardly ever narrower."""
    scale = 10.0 ** max(math.floor(math.log10(room)) - 1, -300)
    steps = value / scale
    short = float(f"{rounded(steps) * scale:.12g}") if abs(steps) < 1e15 else value
    return short if math.isfinite(short) else value
