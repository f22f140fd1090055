"""The rule for a partition that is ready when its writer has put a marker."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from landfall.errors import SpecError
from landfall.spec.readiness.rule import Listed, data_objects


@dataclass(frozen=True)
class Marker:
    """Ready when the marker and a data object are there. The writer puts the marker last, such as Spark's `_SUCCESS`."""

    kind: ClassVar[str] = "Marker"
    name: str = "_SUCCESS"

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise SpecError(f"Marker `{self.name}` is not an object name.", looked="expected a name without /")

    def __str__(self) -> str:
        return f"the marker {self.name} and an object"

    def lacks(self, listed: Listed, now: datetime) -> str:
        if self.name not in listed:
            return f"no marker {self.name}" if listed else "no object yet"
        return "" if data_objects(listed, but=self.name) else f"a marker {self.name}, but no object"

    def awaits(self, name: str) -> bool:
        return name == self.name

    def lacks_beside(self, name: str) -> str:
        return "" if name == self.name else f"the marker {self.name} completes it, not {name!r}"

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        match values:
            case {"name": str(name)}:
                return cls(name)
        raise SpecError(f"`{dict(values)}` is not a Marker.", looked='expected {"name": "_SUCCESS"}')
