"""Partitions of a table, as a job's command line names them: `schema.table/dt=2012-12-25`. Landing folders have the same form."""

from dataclasses import dataclass
from typing import Self

from landfall.errors import ComputeError
from landfall.spec.partition import Partitions


@dataclass(frozen=True)
class TablePartitions:
    """Some partitions of a table or of a landing folder. As text they are `name/dt=RANGES`."""

    name: str
    partitions: Partitions

    @classmethod
    def parse(cls, text: str) -> Self:
        """The partitions that are written as `text`. An option of a job reads its value with it.

        Raises:
            ComputeError: `text` has another form.
        """
        name, slash, days = text.rpartition("/dt=")
        if not slash or not name:
            raise ComputeError(f"`{text}` is not a table partition.", looked="expected schema.table/dt=YYYY-MM-DD")
        return cls(name, Partitions.parse(days))

    def without(self, others: Partitions) -> Self:
        """These partitions without the `others`."""
        return type(self)(self.name, Partitions.of(set(self.partitions) - set(others)))

    @property
    def condition(self) -> str:
        """The SQL condition over `dt` that selects the partitions, range by range.

        It is built from the names of partitions alone, so no text of a stranger gets into it. Days are compared as dates, hours
        as text. It uses comparisons instead of BETWEEN, which Delta's replaceWhere does not resolve on Spark 4.0.
        """
        ranges = [part.partition("..") for part in str(self.partitions).split(",")]
        kind = "" if any(partition.hour is not None for partition in self.partitions) else "DATE "
        return " OR ".join(f"(dt >= {kind}'{first}' AND dt <= {kind}'{last or first}')" for first, _, last in ranges)
