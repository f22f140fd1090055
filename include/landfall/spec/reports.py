"""What Spark jobs report, and how they are told where to stage rows: the wire between a job and who asked for it.

A job may run on another machine, so its report travels as JSON. Who writes it and who reads it use the same class, and a
field that is missing or unknown is an error by its name.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Self

from landfall.errors import ComputeError
from landfall.spec.contract import Contract
from landfall.spec.partition import Partition


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """What a job did. Subclasses say what; `of` reads what `as_dict` wrote, also after a trip through JSON."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON knows it."""
        return asdict(self)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """The report in `told`.

        Raises:
            ComputeError: a field is missing or unknown: the job is of another version than who reads its report.
        """
        known = {each.name: each for each in fields(cls)}
        needed = {name for name, each in known.items() if each.default is each.default_factory is MISSING}
        if wrong := sorted(set(told) - set(known)) or sorted(needed - set(told)):
            raise ComputeError(
                f"The report of the Spark job {'has an unknown' if wrong[0] in told else 'lacks the'} field `{wrong[0]}`.",
                looked=f"it has {', '.join(sorted(told)) or 'none'}; `{cls.__name__}` has {', '.join(known)}",
                left="what was published stays",
                next="run the jobs and Landfall in the same version",
                fault="request",
            )
        return cls(**{name: cls._read(name, value) for name, value in told.items()})

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        """The value of the field `name`, from JSON's; subclasses say what becomes of lists."""
        return value


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the contract says of one partition. `reasons`: reason -> (rows, one example with its value)."""

    partition: str
    rows: int
    quarantined: int
    reasons: Mapping[str, tuple[int, str]]

    def passes(self, contract: Contract) -> bool:
        """True if there are good rows and no larger share of bad ones than the contract allows."""
        return self.rows > 0 and self.quarantined <= contract.max_bad_share * (self.rows + self.quarantined)


@dataclass(frozen=True, kw_only=True)
class FeaturesReport(JobReport):
    """What an ETL job made of some partitions.

    Args:
        rows: Rows of features that were written, of all partitions together.
        quarantined: Rows that broke the contract, of all partitions together.
        partitions: Partition -> (good rows, rows that broke the contract), of every partition that could be read.
        refused: The partitions whose features stay what they were, with the reasons.
    """

    rows: int
    quarantined: int
    partitions: Mapping[str, tuple[int, int]]
    refused: tuple[Verdict, ...] = ()

    def verdict(self, partition: Partition) -> Verdict:
        """What the contract says of one partition; no rows where the job did not find any."""
        day = str(partition)
        rows, quarantined = self.partitions.get(day, (0, 0))
        made = Verdict(partition=day, rows=rows, quarantined=quarantined, reasons={})
        return next((each for each in self.refused if each.partition == day), made)

    def passed(self, partition: Partition) -> bool:
        """Whether its features were written."""
        return self.verdict(partition).rows > 0 and str(partition) not in {each.partition for each in self.refused}

    def as_dict(self) -> dict[str, Any]:
        """As every report, with the verdicts as a list."""
        return {**super().as_dict(), "refused": [asdict(each) for each in self.refused]}

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name == "partitions":
            return {day: (int(rows), int(quarantined)) for day, (rows, quarantined) in value.items()}
        if name == "refused":
            return tuple(
                Verdict(
                    **{**each, "reasons": {name: (int(rows), text) for name, (rows, text) in each["reasons"].items()}}
                )
                for each in value
            )
        return value


@dataclass(frozen=True, kw_only=True)
class StagedReport(JobReport):
    """What a scoring job staged.

    Args:
        staged: Partition -> rows, of every partition that it was told to stage.
        metrics: Partition -> model version -> metric -> value, where what was staged are errors of predictions.
    """

    staged: Mapping[str, int]
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stages:
    """Where the rows of each partition are staged; as text `2012-12-25=schema.table#7`, several with commas between."""

    tables: tuple[tuple[Partition, str, int], ...]
    """(partition, staging table, publication)."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The stages written as `text`; used as the `type` of a job's options.

        Raises:
            ComputeError: `text` has another form.
        """
        found = []
        for each in text.split(","):
            day, _, place = each.partition("=")
            table, _, number = place.rpartition("#")
            if not number.isdecimal() or table.count(".") != 1:
                raise ComputeError(f"`{each}` is not a stage.", looked="expected YYYY-MM-DD=schema.table#PUBLICATION")
            found.append((Partition.parse(day), table, int(number)))
        return cls(tuple(found))

    def __str__(self) -> str:
        return ",".join(f"{day}={table}#{number}" for day, table, number in self.tables)
