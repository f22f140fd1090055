"""A published table that a transform joins: which of its partitions a partition of the feed needs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

from landfall.errors import SpecError
from landfall.spec.calendar import Calendar
from landfall.spec.partition import Partition, Partitions
from landfall.spec.tables import PredictionTable


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Partitions of the table that another feed publishes. The table may have another grain and another time zone.

    A partition needs those partitions of the table that hold a moment of its own, or earlier ones: from `since` to `until`
    partitions before them. `Joined(table=DAYS)` is the day that an hour lies in, `since=1, until=1` the day before it, and
    `since=7, until=1` the week before it. All of them must be published; a run waits until they are.

    Args:
        table: The published table.
        since: How many partitions earlier the first one is.
        until: How many partitions earlier the last one is.
    """

    table: PredictionTable
    since: int = 0
    until: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.until <= self.since:
            raise SpecError(
                f"Joined partitions of `{self.table.name}` begin {self.since} and end {self.until} partitions earlier.",
                looked="expected 0 <= until <= since",
            )

    def needs(self, partition: Partition, calendar: Calendar) -> Partitions:
        """The partitions of the table that `partition` of `calendar` needs, without hours that the clocks leave out."""
        begin, end = calendar.window(partition)
        there = self.table.calendar
        first, last = there.holding(begin), there.holding(max(begin, end - timedelta(microseconds=1)))
        return there.between(_earlier(first, self.since, there), _earlier(last, self.until, there))

    def to_dict(self) -> dict[str, Any]:
        """The fields in values that JSON can hold. `from_dict` reads them."""
        calendar = {"grain": self.table.calendar.grain, "timezone": self.table.calendar.timezone}
        return {"table": {**asdict(self.table), "calendar": calendar}, "since": self.since, "until": self.until}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote."""
        table = dict(values["table"])
        table |= {"calendar": Calendar(**table["calendar"]), "key": tuple(table["key"])}
        return cls(table=PredictionTable(**table), since=values["since"], until=values["until"])


def joined_to_json(tables: Mapping[str, Joined]) -> str:
    """Name -> joined table as one line of JSON. The ETL job gets them in this form on its command line."""
    return json.dumps({name: joined.to_dict() for name, joined in tables.items()}, separators=(",", ":"))


def joined_from_json(text: str) -> dict[str, Joined]:
    """What `joined_to_json` wrote."""
    return {name: Joined.from_dict(values) for name, values in json.loads(text).items()}


def _earlier(partition: Partition, count: int, calendar: Calendar) -> Partition:
    return calendar.named(partition.start - count * calendar.step)
