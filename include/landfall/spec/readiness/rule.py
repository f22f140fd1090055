"""The protocol of a readiness rule. A new rule needs a file beside this one and a line in `RULES`."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Protocol, Self

Listed = Mapping[str, datetime]
"""Name of each object in the partition's folder -> when it was last modified, an aware datetime."""


class Readiness(Protocol):
    """A rule that says when a partition is complete. Its `str` completes the sentence "ready with ..."."""

    kind: ClassVar[str]
    """The rule's name in JSON. It must never change, because waits that are under way have been written with it."""

    def lacks(self, listed: Listed, now: datetime) -> str:
        """What is still missing, for a person; empty if the partition is ready. An empty listing is never ready."""
        ...

    def awaits(self, name: str) -> bool:
        """True if the rule needs the object called `name`, which may be a marker without data."""
        ...

    def lacks_beside(self, name: str) -> str:
        """Why the object `name` alone does not make the partition ready, for a person; empty if it is enough."""
        ...

    def to_dict(self) -> dict[str, object]:
        """The rule's fields in values that JSON can hold. `from_dict` reads them."""
        ...

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The rule that `to_dict` wrote.

        Raises:
            SpecError: the values do not fit the rule.
        """
        ...


def data_objects(listed: Listed, but: str = "") -> list[str]:
    """The names of the data objects: those that are not hidden (their names begin with `_` or `.`) and not in folders below."""
    return [name for name in listed if name != but and not name.startswith(("_", ".")) and "/" not in name]


def needs_more(rule: Readiness) -> str:
    """The answer of `lacks_beside` for a rule that no single object fulfils."""
    return f"{rule.kind} needs more than one object"
