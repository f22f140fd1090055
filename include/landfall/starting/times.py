"""Infers which column says when a row happened, and whether its partitions are days or hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from landfall.errors import SpecError
from landfall.spec import Calendar, Partition
from landfall.spec.calendar import Grain
from landfall.spec.partition import FIRST_DAY, LAST_DAY
from landfall.starting.columns import TIME_WORDS, InferredColumn, parsed

HOUR_NAMES = ("hr", "hour")
_CLOSE = timedelta(minutes=1)
"""Times that are closer than this fill days with so many rows that hours are the better partitions."""


@dataclass(frozen=True)
class When:
    """What says the partition of a row.

    Args:
        column: The date or timestamp column; empty if rows belong to the folder in which they lie.
        kind: `date`, `timestamp` or empty.
        hour: The column with the hour of a date, if partitions are hours.
        calendar: The partitions.
        partitions: The number of partitions that the sample has rows of; 1 if no column says them.
        newest: The newest two of them, as a person writes them; fewer if there are fewer.
        why: The reasons, in words.
    """

    column: str
    kind: str
    hour: str
    calendar: Calendar
    partitions: int
    newest: tuple[str, ...]
    why: str


def infer_when(columns: Sequence[InferredColumn], *, column: str, grain: Grain | None, zone: str) -> When:
    """What says the partition of a row, and which partitions there are.

    Args:
        columns: The columns of the sample.
        column: The name of the time column if somebody chose one; else empty.
        grain: `day` or `hour` if somebody chose one.
        zone: The time zone of the partitions.

    Raises:
        SpecError: the chosen column is none that says a time, or it says days where partitions are to be hours.
    """
    chosen, why = _chosen(columns, column)
    if chosen is None:
        calendar = Calendar(grain or "day", zone)
        return When(
            "", "", "", calendar, 1, (), f"{why}: rows belong to the {calendar.grain} in whose folder they land"
        )
    moments = [moment for text in chosen.texts if text is not None and (moment := parsed(text)) is not None]
    hour = _hour_column(columns) if chosen.column.type == "date" else None
    if chosen.column.type == "date" and grain == "hour" and hour is None:
        raise SpecError(
            f"`{chosen.name}` says days, so partitions cannot be hours.",
            looked=f"no column called {' or '.join(HOUR_NAMES)} holds whole numbers from 0 to 23",
            left="nothing was written",
            next="--grain day, or --time with a column of times",
        )
    found, reason = (grain, "as given") if grain else _grain(chosen, moments)
    calendar = Calendar(found, zone)
    by_hour = hour.name if hour is not None and calendar.hourly else ""
    if by_hour and hour is not None:
        moments = [moment.replace(hour=int(text or 0)) for moment, text in zip(moments, hour.texts, strict=True)]
    names = sorted({_partition(moment, calendar) for moment in moments})
    because = f"{why}; partitions are {calendar}, {reason}"
    return When(chosen.name, chosen.column.type, by_hour, calendar, len(names), tuple(names[-2:]), because)


def _chosen(columns: Sequence[InferredColumn], name: str) -> tuple[InferredColumn | None, str]:
    timed = [one for one in columns if one.column.type in ("date", "timestamp")]
    usable = [one for one in timed if not one.column.nullable and _in_range(one)]
    if name:
        if name not in [one.name for one in usable]:
            raise SpecError(
                f"`{name}` is no column that says when a row happened.",
                looked=f"dates and times without gaps: {', '.join(one.name for one in usable) or 'none'}",
                left="nothing was written",
                next="--time with one of these, or none of them if rows belong to the folder in which they land",
            )
        return next(one for one in usable if one.name == name), f"`{name}` says when a row happened, as given"
    if not usable:
        names = ", ".join(one.name for one in timed)
        unusable = f"{names} has gaps, or lies before {FIRST_DAY} or after {LAST_DAY}"
        return None, unusable if timed else "no column holds dates or times"
    best = max(usable, key=lambda one: (bool(set(one.words) & set(TIME_WORDS)), one.column.type == "timestamp"))
    others = f" (others: {', '.join(one.name for one in usable if one is not best)})" if len(usable) > 1 else ""
    return best, f"`{best.name}` says when a row happened{others}"


def _in_range(one: InferredColumn) -> bool:
    """True if every value can be in a partition."""
    days = [moment.date() for text in one.texts if text is not None and (moment := parsed(text)) is not None]
    return all(FIRST_DAY < day < LAST_DAY for day in days)


def _hour_column(columns: Sequence[InferredColumn]) -> InferredColumn | None:
    """The column with the hour of a date; None if there is none."""
    for one in columns:
        whole = one.column.type == "bigint" and not one.column.nullable
        if one.name in HOUR_NAMES and whole and all(0 <= int(text or 0) <= 23 for text in one.texts):
            return one
    return None


def _grain(column: InferredColumn, moments: Sequence[datetime]) -> tuple[Grain, str]:
    if column.column.type == "date":
        return "day", "because it holds days"
    times = sorted(set(moments))
    if len(times) < 2:
        return "day", "because there is one time only"
    gap = timedelta(seconds=median((later - earlier).total_seconds() for earlier, later in pairwise(times)))
    shown = _apart(gap)
    if gap < _CLOSE:
        return "hour", f"because times are {shown} apart"
    return "day", f"because times are {shown} apart"


def _apart(gap: timedelta) -> str:
    """A time between two rows, for a person."""
    seconds = gap.total_seconds()
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} seconds"


def _partition(moment: datetime, calendar: Calendar) -> str:
    """The partition of a moment, as a person writes it; a naive moment is of the calendar's own zone."""
    if moment.tzinfo is None:
        return str(Partition(moment.date(), moment.hour if calendar.hourly else None))
    return str(calendar.holding(moment))


def partition_of_row(row: Mapping[str, str | None], when: When) -> str:
    """The partition that a row of the sample says, as a person writes it.

    Args:
        row: Column -> text.
        when: What says the partition.
    """
    moment = parsed(row[when.column] or "")
    if moment is None:
        raise SpecError(f"`{row[when.column]}` is no time.", looked=f"column `{when.column}`")
    if when.hour:
        moment = moment.replace(hour=int(row[when.hour] or 0))
    return _partition(moment, when.calendar)
