"""The rule for a partition that is ready when all objects with given names are there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from landfall.errors import SpecError
from landfall.spec.readiness.rule import Listed, needs_more


@dataclass(frozen=True)
class AllNamed:
    """Ready when all objects called `names` are there. Others may be there too."""

    kind: ClassVar[str] = "AllNamed"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names or any(not name or "/" in name for name in self.names):
            raise SpecError("AllNamed.names are not object names.", looked=f"expected names without /: {self.names}")

    def __str__(self) -> str:
        return f"all of {', '.join(self.names)}"

    def lacks(self, listed: Listed, now: datetime) -> str:
        missing = [name for name in self.names if name not in listed]
        return f"missing {', '.join(missing)}" if missing else ""

    def awaits(self, name: str) -> bool:
        return name in self.names

    def lacks_beside(self, name: str) -> str:
        return "" if self.names == (name,) else needs_more(self)

    def to_dict(self) -> dict[str, object]:
        return {"names": list(self.names)}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        match values:
            case {"names": list(names)}:
                return cls(tuple(str(name) for name in names))
        raise SpecError(f"`{dict(values)}` is not an AllNamed.", looked='expected {"names": [...]}')
