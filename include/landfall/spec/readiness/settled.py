"""The rule for a partition that is ready when its objects no longer change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self

from landfall.errors import SpecError
from landfall.spec.readiness.rule import Listed, data_objects, needs_more


@dataclass(frozen=True)
class Settled:
    """Ready when no object was added or replaced for the time `quiet`. The store's and this machine's clocks should agree."""

    kind: ClassVar[str] = "Settled"
    quiet: timedelta

    def __post_init__(self) -> None:
        if self.quiet <= timedelta(0):
            raise SpecError(f"Settled.quiet is {self.quiet}.", looked="expected a time such as timedelta(minutes=5)")

    def __str__(self) -> str:
        return f"objects that have not changed for {self.quiet}"

    def lacks(self, listed: Listed, now: datetime) -> str:
        if not data_objects(listed):
            return "no object yet"
        left = self.quiet - (now - max(listed.values()))
        return "" if left <= timedelta(0) else f"still changing: quiet in {left.total_seconds():.0f} s"

    def awaits(self, name: str) -> bool:
        return False

    def lacks_beside(self, name: str) -> str:
        return needs_more(self)

    def to_dict(self) -> dict[str, object]:
        return {"quiet": self.quiet.total_seconds()}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        match values:
            case {"quiet": int(seconds) | float(seconds)}:
                return cls(timedelta(seconds=seconds))
        raise SpecError(f"`{dict(values)}` is not a Settled.", looked='expected {"quiet": SECONDS}')
