"""A partition is what a run owns, what a rerun overwrites and what a backfill counts."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from landfall.errors import SpecError

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)
"""The first and the last day that can be partitions. A run of an earlier day would lie before its DAG's start date: Airflow ends
it without starting a task. A day near the end of the calendar has no next day, and pandas cannot count its nanoseconds."""
_FORM = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Partition:
    """One day, written `YYYY-MM-DD`, or one hour, `YYYY-MM-DDTHH`: the unit of runs, reruns and backfills.

    It names a day or an hour of the calendar in UTC, or in the time zone that the feed's landing declares (`Landing.window`).
    """

    day: date
    hour: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The partition that is written as `text`.

        Raises:
            SpecError: `text` is neither a day of the calendar written YYYY-MM-DD nor an hour written YYYY-MM-DDTHH; or the day
                lies before `FIRST_DAY` or after `LAST_DAY`.
        """
        try:
            if not (match := _FORM.fullmatch(text)):
                raise ValueError
            hour = None if match[2] is None else int(match[2])
            if hour is not None and hour > 23:
                raise ValueError
            partition = cls(date.fromisoformat(match[1]), hour)
        except (ValueError, TypeError):
            raise SpecError(
                f"`{text}` is not a partition.", looked="expected a day written YYYY-MM-DD, such as 2012-12-25"
            ) from None
        return partition.checked()

    @classmethod
    def holding(cls, moment: datetime) -> Self:
        """The UTC day that holds `moment`, an aware datetime. It is not checked: it may be a day that cannot be a partition."""
        return cls(moment.astimezone(UTC).date())

    @property
    def in_range(self) -> bool:
        """True if a run can own it: its day is from `FIRST_DAY` to `LAST_DAY`."""
        return FIRST_DAY <= self.day <= LAST_DAY

    def checked(self) -> Self:
        """Gives the partition back.

        Raises:
            SpecError: its day lies before `FIRST_DAY` or after `LAST_DAY`.
        """
        if not self.in_range:
            raise SpecError(f"`{self}` cannot be a partition.", looked=f"expected a day from {FIRST_DAY} to {LAST_DAY}")
        return self

    @property
    def start(self) -> datetime:
        """The first instant of the partition, in UTC."""
        return datetime(self.day.year, self.day.month, self.day.day, self.hour or 0, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after the partition, in UTC."""
        return self.start + (timedelta(days=1) if self.hour is None else timedelta(hours=1))

    @property
    def ordinal(self) -> int:
        """The days, or the hours, from the beginning of 1970 to the partition."""
        return int(self.start.timestamp()) // (86_400 if self.hour is None else 3_600)

    def also_at(self, now: datetime) -> datetime:
        """The moment in the partition, in UTC, at the time of day of `now`; in an hour, at its minutes and seconds.

        One more run of the partition gets it as its logical date, because Airflow has at most one run for a logical date.
        """
        whole = self.end - self.start
        return self.start + (now - datetime(1970, 1, 1, tzinfo=UTC)) % whole

    def __str__(self) -> str:
        return self.day.isoformat() + ("" if self.hour is None else f"T{self.hour:02}")


@dataclass(frozen=True)
class Partitions:
    """A set of days or of hours, written as ranges: `2011-01-01..2011-09-30,2011-10-02`."""

    days: tuple[Partition, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", tuple(sorted(set(self.days))))

    @classmethod
    def of(cls, partitions: Iterable[Partition]) -> Self:
        """The given partitions, sorted and without repeats."""
        return cls(tuple(partitions))

    @classmethod
    def between(cls, first: Partition, last: Partition) -> Self:
        """All partitions from `first` to `last`, both included; none if `last` is earlier.

        Raises:
            SpecError: one is a day and the other an hour.
        """
        if (first.hour is None) != (last.hour is None):
            raise SpecError(f"`{first}..{last}` is not a range.", looked="expected two days, or two hours")
        step = first.end - first.start
        starts = (first.start + n * step for n in range((last.start - first.start) // step + 1))
        return cls(tuple(Partition(start.date(), None if first.hour is None else start.hour) for start in starts))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The partitions that are written as `text` (see the class). An empty text means no partitions.

        Raises:
            SpecError: a part of the text is no partition, or no range.
        """
        days: list[Partition] = []
        for part in filter(None, text.split(",")):
            first, dots, last = part.partition("..")
            days += cls.between(Partition.parse(first), Partition.parse(last if dots else first))
        return cls(tuple(days))

    def __iter__(self) -> Iterator[Partition]:
        return iter(self.days)

    def __len__(self) -> int:
        return len(self.days)

    def __str__(self) -> str:
        runs: list[list[Partition]] = []
        for day in self.days:
            if runs and runs[-1][-1].end == day.start:
                runs[-1].append(day)
            else:
                runs.append([day])
        return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}..{r[-1]}" for r in runs)
