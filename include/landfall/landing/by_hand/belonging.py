"""Which partition a row of a person's file belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from landfall.errors import SpecError
from landfall.landing.by_hand.refusals import command, refuse
from landfall.landing.by_hand.values import moment
from landfall.spec import Feed, Partition


@dataclass
class Belonging:
    """Finds the partition of each row by the columns that the contract names; or all rows belong to the partition `fixed`."""

    name: str
    feed: Feed
    path: str
    fixed: Partition | None = None
    _known: dict[tuple[str, ...], Partition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        contract = self.feed.contract
        by = [name for name in (contract.partition_by, contract.partition_hour) if name]
        self.columns = tuple(contract.names.index(name) for name in by)
        """The positions of these columns in the contract."""
        if by and self.fixed:
            refuse(
                f"The rows of `{self.name}` say their partition themselves, so --partition {self.fixed} cannot.",
                looked=f"Contract.partition_by is `{contract.partition_by}`",
                next=f"{command(self.name, self.path)} --from {self.fixed} --until {self.fixed}",
            )
        if not by and not self.fixed:
            example = self.feed.landing.calendar.example
            refuse(
                f"The rows of `{self.name}` do not say which partition they belong to.",
                looked="Contract.partition_by is empty",
                next=f"{command(self.name, self.path)} --partition {example}    (the whole file goes into it)",
            )

    def partition(self, values: Sequence[str], where: Callable[[], str]) -> Partition:
        """The partition of the row with these values of `columns`. `where` gives the row's place in the file.

        Raises:
            LandingError: the values say no partition.
        """
        if self.fixed:
            return self.fixed
        key = tuple(values)
        if key not in self._known:
            self._known[key] = self._parse(key, where)
        return self._known[key]

    def _parse(self, values: tuple[str, ...], where: Callable[[], str]) -> Partition:
        contract, calendar = self.feed.contract, self.feed.landing.calendar
        column = contract.column(contract.partition_by)
        names, noun = [contract.names[position] for position in self.columns], "a day"
        try:
            if column.type == "timestamp":
                noun = "a timestamp" if column.zone else "a timestamp with an offset"
                return calendar.checked(calendar.holding(moment(values[0], column)))
            if contract.partition_hour:
                noun = "an hour"
                return calendar.parse(f"{values[0]}T{int(values[1]):02}")
            return calendar.parse(values[0])
        except (SpecError, ValueError, OverflowError) as error:
            looked = (
                error.looked if isinstance(error, SpecError) else f"expected {noun}, such as {_example(column.type)}"
            )
            refuse(
                f"File `{self.path.rpartition('/')[2]}` has `{', '.join(values)}` in column `{', '.join(names)}`, "
                f"which is not {noun}.",
                looked=f"{where()}: {looked}",
                next=f"correct that line, then: {command(self.name, self.path)}",
            )


def _example(kind: str) -> str:
    return "2012-12-25T07:30:00+01:00" if kind == "timestamp" else "2012-12-25, 7"
