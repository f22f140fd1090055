"""The protocol of a file format. A new format needs a file beside this one, a line in `FORMATS`, and a reader for the jobs."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, Self


class FileFormat(Protocol):
    """How the objects of a landing are written."""

    kind: ClassVar[str]
    """The format's name in JSON. It must never change, because waits that are under way have been written with it."""
    reader: ClassVar[str]
    """`module:class` of the reader in `spark_jobs.formats`. A job imports it only if its landing has this format."""
    endings: ClassVar[tuple[str, ...]]
    """The endings of the objects that count, if the landing does not declare its own."""
    readable: ClassVar[tuple[str, ...]]
    """Every ending that a landing may declare."""
    object_name: ClassVar[str]
    """The name of the one object that `landfall land` puts into a partition."""
    content_type: ClassVar[str]
    """The media type of such an object."""

    @property
    def point(self) -> str:
        """The sign between the whole digits of a number and its fraction."""
        ...

    def check_columns(self, names: Sequence[str]) -> None:
        """Checks that the format can hold columns with these names.

        Raises:
            SpecError: it cannot.
        """
        ...

    def to_dict(self) -> dict[str, object]:
        """The format's fields in values that JSON can hold, without those that have their default. `from_dict` reads them."""
        ...

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The format that `to_dict` wrote.

        Raises:
            SpecError: the values do not fit the format.
        """
        ...
