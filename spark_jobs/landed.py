"""Landed CSV files as rows of text, with the object each came from. Files are judged here; rows by the contract."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, StringType, StructField, StructType

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from spark_jobs.contract import CORRUPT, Verdict
from spark_jobs.lake import Lake
from spark_jobs.tables import TablePartitions, landed_paths

UNTOUCHED = "the tables are untouched, what was published stays"


@dataclass(frozen=True)
class BrokenFile:
    """A landed object that cannot be read by the contract, and why."""

    source: str
    error: ContractError

    @property
    def partition(self) -> str:
        """The day whose folder it lies in."""
        return _day_of(self.source)


Groups = dict[str, list[str]]
"""Header line -> objects that have it."""


def sort_landed(
    spark: SparkSession, lake: Lake, landed: TablePartitions, contract: Contract
) -> tuple[Groups, list[BrokenFile]]:
    """The landed objects by their header, and those that the contract cannot read. Columns may come in any order.

    An object without a line is in neither.
    """
    groups: Groups = {}
    broken: list[BrokenFile] = []
    for source, header in _headers(spark, landed_paths(lake, landed)):
        if error := _header_error(source, header, contract):
            broken.append(BrokenFile(source, error))
        else:
            groups.setdefault(header, []).append(source)
    return groups, broken


def nothing_to_read(lake: Lake, landed: TablePartitions) -> ContractError:
    """The error of days whose objects have no line at all."""
    return ContractError(
        f"Nothing to read in `{landed.name}`.",
        looked=", ".join(landed_paths(lake, landed)[:3]),
        left=UNTOUCHED,
        next="land the file again with its header line and its rows",
    )


def days_without_rows(landed: TablePartitions, named: set[str]) -> list[Verdict]:
    """The verdicts on the landed days that are not `named`: their objects are empty, or a header line alone."""
    days = [str(partition) for partition in landed.partitions if str(partition) not in named]
    what = "There is no row in what landed."
    return [Verdict(partition=day, rows=0, quarantined=0, reasons={"file": (1, what)}) for day in days]


def broken_file(broken: BrokenFile) -> Verdict:
    """The verdict on the day of a file that cannot be read."""
    return Verdict(partition=broken.partition, rows=0, quarantined=0, reasons={"file": (1, broken.error.what)})


def leave_out(groups: Groups, days: set[str]) -> Groups:
    """The groups without the objects of `days`."""
    left = {header: [each for each in files if _day_of(each) not in days] for header, files in groups.items()}
    return {header: files for header, files in left.items() if files}


def read_landed(spark: SparkSession, groups: Groups, contract: Contract) -> DataFrame:
    """Every row of the objects: the contract's columns as text, `_corrupt`, `source` (object) and `dt` (its folder).

    Gzip is read by its name `.gz`.
    """
    return reduce(DataFrame.unionByName, [_read(spark, files, header, contract) for header, files in groups.items()])


def _day_of(source: str) -> str:
    return source.rpartition("/dt=")[2].partition("/")[0]


def _headers(spark: SparkSession, paths: list[str]) -> list[tuple[str, str]]:
    """(object, first line) of every object; the objects' first blocks alone are read.

    As bytes: a first line that is not text (gzip under another name) would stop the client that collects it.
    """
    line = F.col("value").cast("binary").alias("value")
    lines = spark.read.text(paths).select(line, "_metadata.file_path", "_metadata.file_block_start")
    numbered = lines.where("file_block_start = 0").withColumn("number", F.monotonically_increasing_id())
    first = numbered.groupBy("file_path").agg(F.min_by("value", "number").alias("header"))
    return sorted((row.file_path, bytes(row.header or b"").decode(errors="replace")) for row in first.collect())


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
        f"The landed object `{_short(source)}` {problem}.",
        looked=f"first line: {header[:120]!r}; expected the columns {', '.join(contract.names)}",
        left=UNTOUCHED,
        next=f"{mend}, then land it again",
    )


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name[:40]}`" for name in names[:5])


def _short(source: str) -> str:
    return source.split("://", 1)[-1].partition("/")[2]


def _read(spark: SparkSession, files: list[str], header: str, contract: Contract) -> DataFrame:
    fields = [StructField(name, StringType()) for name in (*_columns(header), CORRUPT)]
    reader = spark.read.schema(StructType(fields)).option("header", True).option("enforceSchema", True)
    rows = reader.option("columnNameOfCorruptRecord", CORRUPT).option("mode", "PERMISSIVE").csv(files)
    source = F.col("_metadata.file_path")
    day = F.regexp_extract(source, r"/dt=(\d{4}-\d{2}-\d{2})/[^/]*$", 1).cast(DateType())
    return rows.select(*contract.names, CORRUPT, source.alias("source"), day.alias("dt"))
