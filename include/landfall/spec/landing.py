"""Landing: where one feed's objects arrive, and which partition a key belongs to."""

import re
from dataclasses import dataclass

from landfall.errors import SpecError
from landfall.spec.partition import Partition


@dataclass(frozen=True, kw_only=True)
class Landing:
    """Objects under `prefix/dt=YYYY-MM-DD/` in the landing bucket, one folder a partition.

    Args:
        prefix: Key prefix without slashes at its ends, such as `bike_sharing/forecast`.
        suffixes: Endings of the objects that count; others are unexpected.
        max_object_bytes: A larger object fails its partition before Spark reads it.
    """

    prefix: str
    suffixes: tuple[str, ...] = (".csv", ".csv.gz")
    max_object_bytes: int = 64 * 1024**2

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", self.prefix):
            raise SpecError(f"Landing.prefix `{self.prefix}` is not a key prefix.", looked="expected a/b, no leading /")

    def folder(self, partition: Partition | str) -> str:
        """Key prefix of one partition, ending in a slash. `partition` may be a template."""
        return f"{self.prefix}/dt={partition}/"

    def partition_of(self, key: str) -> Partition | None:
        """The partition `key` belongs to; None where the key does not match the template.

        Names that begin with `_` or `.` belong to none: Spark does not read them.
        """
        match = re.fullmatch(rf"{re.escape(self.prefix)}/dt=(\d{{4}}-\d{{2}}-\d{{2}})/[^/_.][^/]*", key, re.ASCII)
        if not match or not key.endswith(self.suffixes):
            return None
        try:
            return Partition.parse(match[1])
        except SpecError:
            return None
