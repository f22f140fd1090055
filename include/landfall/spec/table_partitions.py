"""Partitions of a table as a job is told them: `schema.table/dt=2012-12-25`, or a folder of landed objects likewise."""

from dataclasses import dataclass
from typing import Self

from landfall.errors import ComputeError
from landfall.spec.partition import Partitions


@dataclass(frozen=True)
class TablePartitions:
    """Some partitions of one table or of one landing folder: `name/dt=RANGES`."""

    name: str
    partitions: Partitions

    @classmethod
    def parse(cls, text: str) -> Self:
        """The partitions written as `text`; used as the `type` of a job's options.

        Raises:
            ComputeError: `text` has another form.
        """
        name, slash, days = text.rpartition("/dt=")
        if not slash or not name:
            raise ComputeError(f"`{text}` is not a table partition.", looked="expected schema.table/dt=YYYY-MM-DD")
        return cls(name, Partitions.parse(days))

    def without(self, others: Partitions) -> Self:
        """These partitions but for the `others`."""
        return type(self)(self.name, Partitions.of(set(self.partitions) - set(others)))

    @property
    def condition(self) -> str:
        """The partitions as SQL over `dt`, one range after the other. Dates only: nothing of a stranger's text.

        Comparisons and not BETWEEN, which Delta's replaceWhere does not resolve on Spark 4.0.
        """
        ranges = [part.partition("..") for part in str(self.partitions).split(",")]
        return " OR ".join(f"(dt >= DATE '{first}' AND dt <= DATE '{last or first}')" for first, _, last in ranges)
