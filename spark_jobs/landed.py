"""What landed: the objects of some partitions, sorted by how they are to be read, and their rows as text.

Files are judged here, rows by the contract.
"""

import re
from dataclasses import dataclass, replace
from functools import reduce
from typing import Self

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from landfall.spec.landing import Landing
from landfall.spec.partition import Partitions
from landfall.spec.reports import Verdict
from spark_jobs.formats.reader import UNTOUCHED, reader_of
from spark_jobs.lake import Lake
from spark_jobs.unpacked import look_into

_GROUPS = {"%Y": r"(\d{4})", "%m": r"(\d{2})", "%d": r"(\d{2})", "%H": r"(\d{2})"}


@dataclass(frozen=True)
class LandedPartitions:
    """Some partitions of a landing, in the bucket of a lake."""

    lake: Lake
    landing: Landing
    partitions: Partitions

    @property
    def folders(self) -> list[str]:
        """The URLs of the partitions' folders."""
        return [f"{self.lake.root}/{self.landing.folder(partition)}" for partition in self.partitions]

    def without(self, others: Partitions) -> Self:
        """These partitions without the `others`."""
        return replace(self, partitions=Partitions.of(set(self.partitions) - set(others)))

    def partition_of(self, source: str) -> str:
        """The partition in whose folder an object lies; empty if it lies in none."""
        home = self.landing.home_of(source.removeprefix(f"{self.lake.root}/"))
        return str(home[0]) if home else ""


@dataclass(frozen=True)
class BrokenFile:
    """A landed object that cannot be read by the contract, with the partition in whose folder it is, and the reason."""

    partition: str
    error: ContractError

    @property
    def verdict(self) -> Verdict:
        """The verdict on its partition."""
        return Verdict(partition=self.partition, rows=0, quarantined=0, reasons={"file": (1, self.error.what)})


Groups = dict[str, list[str]]
"""Header -> objects that have it, which are read alike."""


def sort_landed(landed: LandedPartitions, contract: Contract) -> tuple[Groups, list[BrokenFile]]:
    """The landed objects by their header, and those that the contract cannot read. Columns may come in any order.

    An object without any line is in neither.
    """
    groups: Groups = {}
    broken: list[BrokenFile] = []
    reader = reader_of(landed.landing.format)
    for look in look_into(landed.folders, contract, UNTOUCHED, reader.look):
        if look.header is None and look.error is None:
            continue
        if error := look.error or reader.refuses(look, contract):
            broken.append(BrokenFile(landed.partition_of(look.source), error))
        else:
            groups.setdefault(look.header or "", []).append(look.source)
    return groups, broken


def nothing_to_read(landed: LandedPartitions) -> ContractError:
    """The error for partitions whose objects have no line at all."""
    return ContractError(
        f"Nothing to read in `{landed.landing.prefix}`.",
        looked=", ".join(landed.folders[:3]),
        left=UNTOUCHED,
        next=f"land the file again with {reader_of(landed.landing.format).whole}",
    )


def days_without_rows(landed: LandedPartitions, named: set[str]) -> list[Verdict]:
    """The verdicts on the landed partitions that are not in `named`: their objects are empty or have only a header line."""
    days = [str(partition) for partition in landed.partitions if str(partition) not in named]
    what = "There is no row in what landed."
    return [Verdict(partition=day, rows=0, quarantined=0, reasons={"file": (1, what)}) for day in days]


def leave_out(groups: Groups, landed: LandedPartitions, partitions: set[str]) -> Groups:
    """The groups without the objects of `partitions`."""
    left = {
        header: [file for file in files if landed.partition_of(file) not in partitions]
        for header, files in groups.items()
    }
    return {header: files for header, files in left.items() if files}


def read_landed(spark: SparkSession, groups: Groups, landed: LandedPartitions, contract: Contract) -> DataFrame:
    """Every row of the objects: the contract's columns as text, `_corrupt`, `source` (the object) and `dt` (its partition).

    `dt` is a date if partitions are days, and the partition's name, such as 2012-12-25T07, if they are hours. `sort_landed` has
    checked the limits before. An object that was replaced since then may exceed them, but even then a line that is too long is
    not kept in memory.
    """
    source, reader = F.col("_metadata.file_path"), reader_of(landed.landing.format)
    also = [source.alias("source"), _partition(source, landed.landing).alias("dt")]
    frames = [reader.read(spark, files, header, contract, also) for header, files in groups.items()]
    return reduce(DataFrame.unionByName, frames)


def _partition(source: SparkColumn, landing: Landing) -> SparkColumn:
    """The partition of an object, by its folder."""
    parts = re.split(r"(%.)", landing.folder_format)
    folder = "".join(_GROUPS.get(part) or re.escape(part) for part in parts)
    name = "$1-$2-$3T$4" if landing.calendar.hourly else "$1-$2-$3"
    found = F.regexp_replace(source, rf"^.*/{folder}/[^/]*$", name)
    return found if landing.calendar.hourly else found.cast("date")
