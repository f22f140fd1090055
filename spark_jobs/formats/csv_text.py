"""Reads CSV files, in their dialect."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from landfall.spec.file_format import Csv
from spark_jobs.contract import CORRUPT
from spark_jobs.files import ListedFile
from spark_jobs.formats.reader import literal, missing_columns, name_in_file, quoted, refusal, whole
from spark_jobs.unpacked import LINE_END, LONGEST_LINE, Look, Text

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_UTF_16 = ("\ufffd\ufffd", "\xff\xfe", "\xfe\xff")
"""The byte order marks of UTF-16, decoded by another encoding."""
_C1 = "".join(chr(code) for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
_CP1252 = _C1.encode("latin-1").decode("cp1252")


@dataclass(frozen=True)
class CsvReader:
    """The reader of CSV."""

    whole: ClassVar[str] = "its header line and its rows"
    dialect: Csv

    def look(self, listed: ListedFile, contract: Contract, left: str) -> Look:
        """The header is the first line. Without a header line it is empty, so that all files are alike."""
        look = Text(encoding=self.dialect.encoding).look(listed, contract, left)
        if self.dialect.header or look.header is None or _is_packed(look.header):
            return look
        return Look(look.source, "", look.error)

    def refuses(self, look: Look, contract: Contract) -> ContractError | None:
        header = look.header or ""
        if not self.dialect.header and not header:
            return None
        columns = self._columns(header)
        missing = missing_columns(contract, columns)
        known = {name_in_file(contract, name, columns) for name in contract.names}
        extra = [name for name in columns if name not in known]
        if not missing and not extra and len(columns) == len(set(columns)):
            return None
        problem, mend = self._problem(header, columns, missing, extra)
        expected = ", ".join(contract.names)
        return refusal(
            look.source, problem, looked=f"first line: {header[:120]!r}; expected the columns {expected}", next=mend
        )

    def _problem(self, header: str, columns: list[str], missing: list[str], extra: list[str]) -> tuple[str, str]:
        """What is wrong with the header, and how to mend it."""
        if header.startswith(_UTF_16) and "\0" in header:
            return f"is UTF-16, not {self.dialect.encoding}", f"write the file in {self.dialect.encoding}"
        if "\ufffd" in header[:8] or _is_packed(header):
            return "is not text (it looks compressed)", "name gzip files .csv.gz"
        others = [mark for mark in ";\t|," if mark != self.dialect.delimiter]
        if len(columns) == 1 and any(mark in header for mark in others):
            mark = next(mark for mark in others if mark in header)
            separators = _SEPARATORS.get(self.dialect.delimiter, repr(self.dialect.delimiter))
            return f"is separated by {mark!r}, not by {separators}", f"write the file with {separators}"
        if missing:
            return f"has no column {quoted(missing)}", "add the column to the file"
        if extra:
            return f"has an unexpected column {quoted(extra)}", "drop the column, or add it to the contract"
        return "names a column twice", "name every column once"

    def ragged(self, contract: Contract) -> str:
        return f"the row has not {len(contract.columns)} fields"

    def read(
        self, spark: SparkSession, files: list[str], header: str, contract: Contract, also: Sequence[SparkColumn]
    ) -> DataFrame:
        """Gzip is recognised by the name `.gz`. A line that is too long is not kept in memory."""
        columns = self._columns(header) if self.dialect.header else list(contract.names)
        fields = [StructField(name, StringType()) for name in (*columns, CORRUPT)]
        reader = spark.read.schema(StructType(fields)).option("header", self.dialect.header)
        reader = reader.option("enforceSchema", True)
        reader = reader.option("columnNameOfCorruptRecord", CORRUPT).option("mode", "PERMISSIVE")
        reader = reader.option("maxColumns", contract.max_line_bytes + 1).option(
            LONGEST_LINE, contract.max_line_bytes + LINE_END
        )
        for name, value in self._options().items():
            reader = reader.option(name, value)
        rows = reader.csv([literal(file) for file in files])
        return rows.select(*[self._column(contract, name, columns) for name in contract.names], CORRUPT, *also)

    def _options(self) -> dict[str, str]:
        """Spark's options for what differs from its own dialect."""
        dialect, usual = self.dialect, Csv()
        options = {} if dialect.delimiter == usual.delimiter else {"sep": dialect.delimiter}
        options |= {} if dialect.quote == usual.quote else {"quote": dialect.quote}
        return options | ({} if dialect.encoding == usual.encoding else {"encoding": "iso-8859-1"})

    def _column(self, contract: Contract, name: str, columns: list[str]) -> SparkColumn:
        """A column of the contract, from the column of the file that holds it."""
        held = name_in_file(contract, name, columns)
        if held is None:
            return F.lit(None).cast("string").alias(name)
        if self.dialect.encoding == "cp1252":  # Spark 4 has no cp1252. It differs from ISO 8859-1 in 27 characters.
            return F.translate(whole(held), _C1, _CP1252).alias(name)
        return whole(held).alias(name)

    def _columns(self, header: str) -> list[str]:
        """The names in a header line. A quoted name may hold the delimiter, and quotes that are doubled."""
        line, dialect = header.removeprefix("\ufeff").rstrip("\r"), self.dialect
        lines = csv.reader(
            [line],
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            skipinitialspace=True,
        )
        try:
            return [name.strip() for name in next(lines)]
        except csv.Error:  # no CSV; what it is instead is said by its first bytes
            return line.split(dialect.delimiter)


def _is_packed(header: str) -> bool:
    """True if gzip lies under the name of plain text: its first bytes are shown in place of a line."""
    return header.startswith("\x1f\ufffd")
