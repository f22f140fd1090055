"""The rule for a partition that is ready when it has a given number of objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from landfall.errors import SpecError
from landfall.spec.readiness.rule import Listed, data_objects, needs_more


@dataclass(frozen=True)
class AtLeast:
    """Ready when there are `count` data objects: hidden ones, and those in folders below, do not count."""

    kind: ClassVar[str] = "AtLeast"
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise SpecError(f"AtLeast.count is {self.count}.", looked="expected 1 or more objects")

    def __str__(self) -> str:
        return f"at least {self.count} objects"

    def lacks(self, listed: Listed, now: datetime) -> str:
        landed = len(data_objects(listed))
        return "" if landed >= self.count else f"{landed} of at least {self.count} objects"

    def awaits(self, name: str) -> bool:
        return False

    def lacks_beside(self, name: str) -> str:
        return "" if self.count == 1 else needs_more(self)

    def to_dict(self) -> dict[str, object]:
        return {"count": self.count}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        match values:
            case {"count": int(count)}:
                return cls(count)
        raise SpecError(f"`{dict(values)}` is not an AtLeast.", looked='expected {"count": 2}')
