"""Readiness: when a partition's objects are all there. Declared in `Landing.ready`.

Every rule answers from one listing of the partition's folder. An object of S3 appears whole or not at all, so what a rule
guards against is a partition made of several objects of which some are still to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from landfall.errors import SpecError

Listed = Mapping[str, datetime]
"""Name of each object within the partition's folder -> when it was last modified (aware)."""


class Readiness(Protocol):
    """A rule of when a partition is complete."""

    def lacks(self, listed: Listed, now: datetime) -> str:
        """What is still missing, for a person; empty when the partition is ready. Nothing listed is never ready."""
        ...


@dataclass(frozen=True)
class OneObject:
    """Ready with the first object whose name counts."""

    def __str__(self) -> str:
        return "one object"

    def lacks(self, listed: Listed, now: datetime) -> str:
        return "" if _data(listed) else "no object yet"


@dataclass(frozen=True)
class AllNamed:
    """Ready when every one of `names` is there; others may be there too."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.names or any(not name or "/" in name for name in self.names):
            raise SpecError("AllNamed.names are not object names.", looked=f"expected names without /: {self.names}")

    def __str__(self) -> str:
        return f"all of {', '.join(self.names)}"

    def lacks(self, listed: Listed, now: datetime) -> str:
        left = [name for name in self.names if name not in listed]
        return f"missing {', '.join(left)}" if left else ""


@dataclass(frozen=True)
class Marker:
    """Ready when the marker is there: an object that its writer puts last, such as Spark's `_SUCCESS`."""

    name: str = "_SUCCESS"

    def __str__(self) -> str:
        return f"the marker {self.name} and an object"

    def lacks(self, listed: Listed, now: datetime) -> str:
        if self.name not in listed:
            return f"no marker {self.name}" if listed else "no object yet"
        return "" if _data(listed, but=self.name) else f"a marker {self.name}, but no object"


@dataclass(frozen=True)
class AtLeast:
    """Ready with `count` objects whose names count."""

    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise SpecError(f"AtLeast.count is {self.count}.", looked="expected 1 or more objects")

    def __str__(self) -> str:
        return f"at least {self.count} objects"

    def lacks(self, listed: Listed, now: datetime) -> str:
        there = len(_data(listed))
        return "" if there >= self.count else f"{there} of at least {self.count} objects"


@dataclass(frozen=True)
class Settled:
    """Ready when nothing was added or replaced for `quiet`. Clocks of the store and of this machine should agree."""

    quiet: timedelta

    def __post_init__(self) -> None:
        if self.quiet <= timedelta(0):
            raise SpecError(f"Settled.quiet is {self.quiet}.", looked="expected a time such as timedelta(minutes=5)")

    def __str__(self) -> str:
        return f"objects that have not changed for {self.quiet}"

    def lacks(self, listed: Listed, now: datetime) -> str:
        if not _data(listed):
            return "no object yet"
        left = self.quiet - (now - max(listed.values()))
        return "" if left <= timedelta(0) else f"still changing: quiet in {left.total_seconds():.0f} s"


def _data(listed: Listed, but: str = "") -> list[str]:
    """The names that are data: not hidden (`_...`, `.`), not in folders below."""
    return [name for name in listed if name != but and not name.startswith(("_", ".")) and "/" not in name]
