"""Reads JSON lines: every value as text, by the path of its column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructField, StructType

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from landfall.spec.file_format import JsonLines
from spark_jobs.contract import CORRUPT
from spark_jobs.files import ListedFile
from spark_jobs.formats.reader import literal, refusal, whole
from spark_jobs.unpacked import LINE_END, LONGEST_LINE, Look, Text

Path = tuple[str, ...]
_UTF_16 = ("\ufffd\ufffd", "\0")


@dataclass(frozen=True)
class JsonLinesReader:
    """The reader of JSON lines."""

    whole: ClassVar[str] = "its rows"
    lines: JsonLines

    def look(self, listed: ListedFile, contract: Contract, left: str) -> Look:
        """The header is the first line's beginning if it is no JSON object, else it is empty: then all files are alike."""
        look = Text(plain=(".jsonl", ".ndjson", ".json")).look(listed, contract, left)
        first = (look.header or "").removeprefix("\ufeff").lstrip()
        return Look(look.source, "", look.error) if first.startswith("{") else look

    def refuses(self, look: Look, contract: Contract) -> ContractError | None:
        """A first line that is no JSON object is an error of the file. In later lines it is a bad row."""
        header = look.header or ""
        if not header.strip():
            return None
        if header.startswith("\x1f\ufffd"):
            problem, mend = "is not text (it looks compressed)", "name gzip files .jsonl.gz"
        elif header.startswith(_UTF_16):
            problem, mend = "is UTF-16, not utf-8", "write the file in utf-8"
        else:
            problem, mend = "is not JSON lines", "write one JSON object a line"
        return refusal(look.source, problem, looked=f"first line: {header[:120]!r}; expected {{", next=mend)

    def ragged(self, contract: Contract) -> str:
        return "the row is not a JSON object of the declared form"

    def read(
        self, spark: SparkSession, files: list[str], header: str, contract: Contract, also: Sequence[SparkColumn]
    ) -> DataFrame:
        """Gzip is recognised by the name `.gz`. A line that is too long is not kept in memory."""
        paths = [path for name in contract.names for path in self._paths(contract, name)]
        schema = nested(dict.fromkeys(paths, StringType())).add(CORRUPT, StringType())
        reader = spark.read.schema(schema).option("mode", "PERMISSIVE").option("columnNameOfCorruptRecord", CORRUPT)
        reader = reader.option(LONGEST_LINE, contract.max_line_bytes + LINE_END)
        rows = reader.json([literal(file) for file in files])
        columns = [
            F.coalesce(*[at(path) for path in self._paths(contract, name)]).alias(name) for name in contract.names
        ]
        return rows.select(*columns, CORRUPT, *also)

    def _paths(self, contract: Contract, name: str) -> list[Path]:
        """Where the value of a column may be: at its own path, and at that of the name that it had before."""
        older = contract.column(name).renamed_from
        return [self.lines.path(name), *([self.lines.path(older)] if older else [])]


def nested(kinds: Mapping[Path, DataType]) -> StructType:
    """The nested structure in which the value at each path is of its type."""
    fields: list[StructField] = []
    for name in dict.fromkeys(path[0] for path in kinds):
        below = {path[1:]: kind for path, kind in kinds.items() if path[0] == name and len(path) > 1}
        fields.append(StructField(name, nested(below) if below else kinds[(name,)]))
    return StructType(fields)


def at(path: Path, within: SparkColumn | None = None) -> SparkColumn:
    """The value at a path: of the whole row, or of the structure `within`."""
    column = whole(path[0]) if within is None else within.getField(path[0])
    for name in path[1:]:
        column = column.getField(name)
    return column
