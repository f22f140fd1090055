"""Landed CSV files as rows of text, with the object that each row came from. Files are judged here, rows by the contract."""

import re
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, StringType, StructField, StructType

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from landfall.spec.reports import Verdict
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.contract import CORRUPT
from spark_jobs.lake import Lake
from spark_jobs.tables import landed_paths
from spark_jobs.unpacked import look_into, short

LONGEST_LINE, LINE_END = "mapreduce.input.linerecordreader.line.maxlength", 3
"""Hadoop's own limit: a longer line is skipped and not kept in memory. The line's end counts; the limit itself is too long."""
UNTOUCHED = "the tables are untouched, what was published stays"


@dataclass(frozen=True)
class BrokenFile:
    """A landed object that cannot be read by the contract, with the reason."""

    source: str
    error: ContractError

    @property
    def partition(self) -> str:
        """The day in whose folder it is."""
        return _day_of(self.source)


Groups = dict[str, list[str]]
"""Header line -> objects that have it."""


def sort_landed(lake: Lake, landed: TablePartitions, contract: Contract) -> tuple[Groups, list[BrokenFile]]:
    """The landed objects by their header, and those that the contract cannot read. Columns may come in any order.

    An object without any line is in neither.
    """
    groups: Groups = {}
    broken: list[BrokenFile] = []
    for look in look_into(landed_paths(lake, landed), contract, UNTOUCHED):
        if look.header is None and look.error is None:
            continue
        if error := look.error or _header_error(look.source, look.header or "", contract):
            broken.append(BrokenFile(look.source, error))
        else:
            groups.setdefault(look.header or "", []).append(look.source)
    return groups, broken


def nothing_to_read(lake: Lake, landed: TablePartitions) -> ContractError:
    """The error for days whose objects have no line at all."""
    return ContractError(
        f"Nothing to read in `{landed.name}`.",
        looked=", ".join(landed_paths(lake, landed)[:3]),
        left=UNTOUCHED,
        next="land the file again with its header line and its rows",
    )


def days_without_rows(landed: TablePartitions, named: set[str]) -> list[Verdict]:
    """The verdicts on the landed days that are not in `named`: their objects are empty or have only a header line."""
    days = [str(partition) for partition in landed.partitions if str(partition) not in named]
    what = "There is no row in what landed."
    return [Verdict(partition=day, rows=0, quarantined=0, reasons={"file": (1, what)}) for day in days]


def broken_file(broken: BrokenFile) -> Verdict:
    """The verdict on the day of a file that cannot be read."""
    return Verdict(partition=broken.partition, rows=0, quarantined=0, reasons={"file": (1, broken.error.what)})


def leave_out(groups: Groups, days: set[str]) -> Groups:
    """The groups without the objects of `days`."""
    left = {header: [file for file in files if _day_of(file) not in days] for header, files in groups.items()}
    return {header: files for header, files in left.items() if files}


def read_landed(spark: SparkSession, groups: Groups, contract: Contract) -> DataFrame:
    """Every row of the objects: the contract's columns as text, `_corrupt`, `source` (the object) and `dt` (its folder).

    Gzip is recognised by the name `.gz`. `sort_landed` has checked the limits before. An object that was replaced since then may
    exceed them, but even then a line that is too long is not kept in memory.
    """
    return reduce(DataFrame.unionByName, [_read(spark, files, header, contract) for header, files in groups.items()])


def _day_of(source: str) -> str:
    return source.rpartition("/dt=")[2].partition("/")[0]


def _literal(path: str) -> str:
    """A path with the signs of Spark's patterns escaped, so that Spark takes it literally."""
    return re.sub(r"([\\\[\]{}*?])", r"\\\1", path)


def _columns(header: str) -> list[str]:
    return [name.strip().strip('"') for name in header.lstrip("\ufeff").rstrip("\r").split(",")]


def _header_error(source: str, header: str, contract: Contract) -> ContractError | None:
    columns = _columns(header)
    missing = [name for name in contract.names if name not in columns]
    extra = [name for name in columns if name not in contract.names]
    if not missing and not extra and len(columns) == len(contract.names):
        return None
    if "\ufffd" in header[:8]:
        problem, mend = "is not text (it looks compressed)", "name gzip files .csv.gz"
    elif len(columns) == 1 and any(mark in header for mark in ";\t|"):
        mark = next(mark for mark in ";\t|" if mark in header)
        problem, mend = f"is separated by {mark!r}, not by commas", "write the file with commas"
    elif missing:
        problem, mend = f"has no column {_names(missing)}", "add the column to the file"
    elif extra:
        problem, mend = f"has an unexpected column {_names(extra)}", "drop the column, or add it to the contract"
    else:
        problem, mend = "names a column twice", "name every column once"
    return ContractError(
        f"The landed object `{short(source)}` {problem}.",
        looked=f"first line: {header[:120]!r}; expected the columns {', '.join(contract.names)}",
        left=UNTOUCHED,
        next=f"{mend}, then land it again",
    )


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name[:40]}`" for name in names[:5])


def _read(spark: SparkSession, files: list[str], header: str, contract: Contract) -> DataFrame:
    fields = [StructField(name, StringType()) for name in (*_columns(header), CORRUPT)]
    reader = spark.read.schema(StructType(fields)).option("header", True).option("enforceSchema", True)
    reader = reader.option("columnNameOfCorruptRecord", CORRUPT).option("mode", "PERMISSIVE")
    reader = reader.option("maxColumns", contract.max_line_bytes + 1).option(
        LONGEST_LINE, contract.max_line_bytes + LINE_END
    )
    rows = reader.csv([_literal(file) for file in files])
    source = F.col("_metadata.file_path")
    day = F.regexp_extract(source, r"/dt=(\d{4}-\d{2}-\d{2})/[^/]*$", 1).cast(DateType())
    return rows.select(*contract.names, CORRUPT, source.alias("source"), day.alias("dt"))
