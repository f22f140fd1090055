"""The rule for a partition that is ready with its first object."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from landfall.spec.readiness.rule import Listed, data_objects


@dataclass(frozen=True)
class OneObject:
    """Ready with the first data object: hidden ones, and those in folders below, do not count."""

    kind: ClassVar[str] = "OneObject"

    def __str__(self) -> str:
        return "one object"

    def lacks(self, listed: Listed, now: datetime) -> str:
        return "" if data_objects(listed) else "no object yet"

    def awaits(self, name: str) -> bool:
        return False

    def lacks_beside(self, name: str) -> str:
        return ""

    def to_dict(self) -> dict[str, object]:
        return {}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        return cls()
