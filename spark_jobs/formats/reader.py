"""The protocol of a reader, and how the reader of a format is found."""

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import ClassVar, Protocol, cast

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from landfall.spec.file_format import FileFormat
from spark_jobs.files import ListedFile
from spark_jobs.unpacked import Look, refused

UNTOUCHED = "the tables are untouched, what was published stays"
"""What the error about a file says is left behind."""


class Reader(Protocol):
    """Looks into landed objects of one format, and reads their rows."""

    whole: ClassVar[str]
    """What a file has that is not empty, for a person."""

    def look(self, listed: ListedFile, contract: Contract, left: str) -> Look:
        """Looks into an object without holding more than a few megabytes of it, and gives it up at a limit of the contract."""
        ...

    def refuses(self, look: Look, contract: Contract) -> ContractError | None:
        """Why the contract cannot read an object with such a header; None if it can."""
        ...

    def ragged(self, contract: Contract) -> str:
        """Why a row is bad that does not fit the file's columns."""
        ...

    def read(
        self, spark: SparkSession, files: list[str], header: str, contract: Contract, also: Sequence[SparkColumn]
    ) -> DataFrame:
        """The rows of objects that have the same header.

        Returns:
            The contract's columns as text (null where a value is absent), `_corrupt` (null for a row that fits the file's
            columns), and `also`: columns of Spark's hidden column `_metadata`.
        """
        ...


def reader_of(file_format: FileFormat) -> Reader:
    """The reader of a format."""
    module, _, name = file_format.reader.partition(":")
    make = cast(Callable[[FileFormat], Reader], getattr(import_module(module), name))
    return make(file_format)


def refusal(source: str, problem: str, *, looked: str, next: str) -> ContractError | None:
    """The error for an object whose columns the contract cannot read."""
    return refused(source, problem, looked=looked, left=UNTOUCHED, next=f"{next}, then land it again").error


def name_in_file(contract: Contract, name: str, names: Sequence[str]) -> str | None:
    """The name that a column of the contract has in a file with the columns `names`; None if the file lacks it.

    A column that was renamed may have its older name.
    """
    if name in names:
        return name
    older = contract.column(name).renamed_from
    return older if older in names else None


def missing_columns(contract: Contract, names: Sequence[str]) -> list[str]:
    """The columns that a file with the columns `names` should have and lacks. A nullable column may be absent."""
    lacking = [column for column in contract.columns if name_in_file(contract, column.name, names) is None]
    return [column.name for column in lacking if not column.nullable]


def quoted(names: Sequence[str]) -> str:
    """The first five names, for a person."""
    return ", ".join(f"`{name[:40]}`" for name in names[:5])


def whole(name: str) -> SparkColumn:
    """The column of a file that is called `name`, whatever signs the name has: a point in it leads into no value."""
    return F.col(in_backticks(name))


def in_backticks(name: str) -> str:
    """A name as Spark SQL takes it, whatever signs it has."""
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def literal(path: str) -> str:
    """A path with the signs of Spark's patterns escaped, so that Spark takes it literally."""
    return re.sub(r"([\\\[\]{}*?])", r"\\\1", path)
