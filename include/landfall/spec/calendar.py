"""A calendar says which partitions there are: days or hours, counted in a time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from landfall.errors import SpecError
from landfall.spec.partition import Partition, Partitions

Grain = Literal["day", "hour"]


@dataclass(frozen=True)
class Calendar:
    """The partitions of a feed and of the table that it publishes.

    If the zone changes its clocks, days have 23 to 25 hours. The hour that comes twice in autumn is one partition of two hours.
    The hour that is left out in spring is no partition.

    Args:
        grain: `day` or `hour`.
        timezone: A name of the IANA database, such as Europe/Berlin.
    """

    grain: Grain = "day"
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.grain not in get_args(Grain):
            raise SpecError.unknown("grain", self.grain, list(get_args(Grain)))
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise SpecError(
                f"`{self.timezone}` is not a time zone.",
                looked="expected a name of the IANA database, such as Europe/Berlin",
            ) from None

    def __str__(self) -> str:
        return f"{self.grain}s of {self.timezone}"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone that `timezone` names."""
        return ZoneInfo(self.timezone)

    @property
    def hourly(self) -> bool:
        """True if a partition is an hour, not a day."""
        return self.grain == "hour"

    @property
    def step(self) -> timedelta:
        """The time between the names of two partitions. A day of 23 or 25 hours counts as one day."""
        return timedelta(hours=1) if self.hourly else timedelta(days=1)

    @property
    def example(self) -> str:
        """A partition as a person writes it."""
        return "2012-12-25T07" if self.hourly else "2012-12-25"

    def window(self, partition: Partition) -> tuple[datetime, datetime]:
        """The first instants of the partition and of the next one, in UTC. They are equal for an hour that is left out."""
        naive = datetime(partition.day.year, partition.day.month, partition.day.day, partition.hour or 0)
        after = naive + (timedelta(days=1) if partition.hour is None else timedelta(hours=1))
        return self._instant(naive), self._instant(after)

    def _instant(self, local: datetime) -> datetime:
        """The first instant, in UTC, at which the clocks of the zone show `local` or later."""
        return local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    def holding(self, moment: datetime) -> Partition:
        """The partition that holds `moment`, an aware datetime. It is not checked: see `Partition.checked`."""
        local = moment.astimezone(self.zone)
        return Partition(local.date(), local.hour if self.hourly else None)

    def named(self, moment: datetime) -> Partition:
        """The partition whose name `moment` is, read in UTC: a run's logical date is the name of its partition, in any zone."""
        named = moment.astimezone(UTC)
        return Partition(named.date(), named.hour if self.hourly else None)

    def has(self, partition: Partition) -> bool:
        """True for a partition of this grain that the zone's clocks do not leave out."""
        if self.hourly == (partition.hour is None) or not partition.in_range:
            return False
        start, end = self.window(partition)
        return start < end

    def checked(self, partition: Partition) -> Partition:
        """Gives the partition back.

        Raises:
            SpecError: it has another grain, it is an hour that the zone's clocks leave out, or no run can own it.
        """
        if self.hourly == (partition.hour is None):
            noun = "an hour" if self.hourly else "a day"
            raise SpecError(f"`{partition}` is not {noun}.", looked=f"expected {noun}, such as {self.example}")
        partition.checked()
        if not self.has(partition):
            raise SpecError(
                f"`{partition}` does not exist in {self.timezone}.", looked="the clocks are put forward over that hour"
            )
        return partition

    def parse(self, text: str) -> Partition:
        """The partition that is written as `text`.

        Raises:
            SpecError: `text` is no partition of this calendar.
        """
        return self.checked(Partition.parse(text))

    def first(self, text: str) -> Partition:
        """The first partition that is written as `text`: of hours, a day stands for its first hour.

        Raises:
            SpecError: `text` is no partition of this calendar.
        """
        return self._edge(Partition.parse(text), 0)

    def last(self, text: str) -> Partition:
        """The last partition that is written as `text`: of hours, a day stands for its last hour.

        Raises:
            SpecError: `text` is no partition of this calendar.
        """
        return self._edge(Partition.parse(text), 23)

    def span(self, first: str, last: str) -> Partitions:
        """All partitions from `first` to `last`, both included; of hours, a day stands for its hours.

        Raises:
            SpecError: one of them is no partition of this calendar.
        """
        return self.between(self.first(first), self.last(last))

    def _edge(self, partition: Partition, hour: int) -> Partition:
        if not self.hourly or partition.hour is not None:
            return self.checked(partition) if not self.hourly else partition
        return Partition(partition.day, hour)

    def between(self, first: Partition, last: Partition) -> Partitions:
        """All partitions from `first` to `last`, both included, without hours that the clocks leave out.

        Raises:
            SpecError: one of them has another grain.
        """
        return Partitions.of(partition for partition in Partitions.between(first, last) if self.has(partition))
