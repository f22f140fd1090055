"""The messages between a Spark job and the process that started it: where to stage rows, and the report of what was done.

A job may run on another machine, so its report travels as JSON. Its writer and its reader use the same class. If a field is
missing or unknown, the error names it.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Self

from landfall.errors import ComputeError
from landfall.spec.contract import Contract
from landfall.spec.partition import Partition


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """What a job did; a subclass for each kind of job has the fields. `of` reads what `as_dict` wrote, also by way of JSON."""

    def as_dict(self) -> dict[str, Any]:
        """The report in values that JSON can hold."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The report with these values: field -> value.

        Raises:
            ComputeError: a field is missing or unknown, because the job and its reader are of different versions.
        """
        known = {attribute.name: attribute for attribute in fields(cls)}
        needed = {
            name for name, attribute in known.items() if attribute.default is attribute.default_factory is MISSING
        }
        if wrong := sorted(set(values) - set(known)) or sorted(needed - set(values)):
            problem = "has an unknown" if wrong[0] in values else "lacks the"
            raise ComputeError(
                f"The report of the Spark job {problem} field `{wrong[0]}`.",
                looked=f"it has {', '.join(sorted(values)) or 'none'}; `{cls.__name__}` has {', '.join(known)}",
                left="what was published stays",
                next="run the jobs and Landfall in the same version",
                fault="request",
            )
        return cls(**{name: cls._read(name, value) for name, value in values.items()})

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        """The value of the field `name`, made from the value in JSON. Subclasses turn JSON's lists into what the field holds."""
        return value


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the contract says about one partition. `reasons` is reason -> (rows, one example with its value)."""

    partition: str
    rows: int
    quarantined: int
    reasons: Mapping[str, tuple[int, str]]

    def passes(self, contract: Contract) -> bool:
        """True if there are good rows, and the share of bad rows is no larger than the contract allows."""
        return self.rows > 0 and self.quarantined <= contract.max_bad_share * (self.rows + self.quarantined)


@dataclass(frozen=True, kw_only=True)
class FeaturesReport(JobReport):
    """What an ETL job made from some partitions.

    Args:
        rows: The number of feature rows that were written, over all partitions.
        quarantined: The number of rows that broke the contract, over all partitions.
        partitions: Partition -> (good rows, rows that broke the contract), for every partition that could be read.
        refused: The verdicts on the partitions whose features stay as they were.
    """

    rows: int
    quarantined: int
    partitions: Mapping[str, tuple[int, int]]
    refused: tuple[Verdict, ...] = ()

    def verdict(self, partition: Partition) -> Verdict:
        """What the contract says about one partition. The verdict has no rows if the job found none."""
        day = str(partition)
        rows, quarantined = self.partitions.get(day, (0, 0))
        accepted = Verdict(partition=day, rows=rows, quarantined=quarantined, reasons={})
        return next((verdict for verdict in self.refused if verdict.partition == day), accepted)

    def passed(self, partition: Partition) -> bool:
        """True if the features of the partition were written."""
        refused = {verdict.partition for verdict in self.refused}
        return self.verdict(partition).rows > 0 and str(partition) not in refused

    def as_dict(self) -> dict[str, Any]:
        """The report in values that JSON can hold, with the verdicts as a list."""
        return {**super().as_dict(), "refused": [asdict(verdict) for verdict in self.refused]}

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name == "partitions":
            return {day: (int(rows), int(quarantined)) for day, (rows, quarantined) in value.items()}
        if name == "refused":
            return tuple(cls._verdict(verdict) for verdict in value)
        return value

    @staticmethod
    def _verdict(values: Mapping[str, Any]) -> Verdict:
        reasons = {reason: (int(rows), text) for reason, (rows, text) in values["reasons"].items()}
        return Verdict(**{**values, "reasons": reasons})


@dataclass(frozen=True, kw_only=True)
class StagedReport(JobReport):
    """What a scoring job staged.

    Args:
        staged: Partition -> number of rows, for every partition that it had to stage.
        metrics: Partition -> model version -> metric -> value. Empty unless the staged rows are errors of predictions.
    """

    staged: Mapping[str, int]
    metrics: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stages:
    """Where the rows of each partition are staged. As text it is `2012-12-25=schema.table#7`, with commas between partitions."""

    tables: tuple[tuple[Partition, str, int], ...]
    """(partition, staging table, publication)."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The stages that are written as `text`. An option of a job reads its value with it.

        Raises:
            ComputeError: `text` has another form.
        """
        tables = []
        for stage in text.split(","):
            day, _, place = stage.partition("=")
            table, _, number = place.rpartition("#")
            if not number.isdecimal() or table.count(".") != 1:
                raise ComputeError(f"`{stage}` is not a stage.", looked="expected YYYY-MM-DD=schema.table#PUBLICATION")
            tables.append((Partition.parse(day), table, int(number)))
        return cls(tuple(tables))

    def __str__(self) -> str:
        return ",".join(f"{day}={table}#{number}" for day, table, number in self.tables)
