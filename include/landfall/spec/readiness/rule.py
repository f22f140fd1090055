"""What a readiness rule is. A new one is a file beside this one, and a line in `RULES`."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Protocol, Self

Listed = Mapping[str, datetime]
"""Name of each object within the partition's folder -> when it was last modified (aware)."""


class Readiness(Protocol):
    """A rule of when a partition is complete. `str` of it completes the sentence "ready with ..."."""

    kind: ClassVar[str]
    """What the rule is called where it is written down as JSON. It stays: waits that are under way are written down."""

    def lacks(self, listed: Listed, now: datetime) -> str:
        """What is still missing, for a person; empty when the partition is ready. Nothing listed is never ready."""
        ...

    def awaits(self, name: str) -> bool:
        """True if the rule asks for the object `name` itself, such as a marker, which may be no data."""
        ...

    def lacks_beside(self, name: str) -> str:
        """Why the object `name` alone does not make the partition ready, for a person; empty if it does."""
        ...

    def to_dict(self) -> dict[str, object]:
        """The rule's values as JSON knows them; `from_dict` reads them."""
        ...

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The rule that `to_dict` wrote.

        Raises:
            SpecError: the values are not a rule's.
        """
        ...


def data_objects(listed: Listed, but: str = "") -> list[str]:
    """The names that are data: not hidden (`_...`, `.`), not in folders below."""
    return [name for name in listed if name != but and not name.startswith(("_", ".")) and "/" not in name]


def needs_more(rule: Readiness) -> str:
    """What `lacks_beside` says for a rule that no single object fulfils."""
    return f"{rule.kind} needs more than one object"
