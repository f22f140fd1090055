"""Reads Parquet: every value as the text that a CSV file would hold, so that all formats are judged alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ContractError
from landfall.spec.contract import Contract
from landfall.spec.file_format import Parquet
from spark_jobs.contract import CORRUPT
from spark_jobs.files import ListedFile
from spark_jobs.formats.parquet_footer import UNREADABLE, look_at_parquet
from spark_jobs.formats.parquet_kinds import VOID, as_text
from spark_jobs.formats.reader import in_backticks, literal, missing_columns, name_in_file, quoted, refusal, whole
from spark_jobs.unpacked import Look


@dataclass(frozen=True)
class ParquetReader:
    """The reader of Parquet."""

    whole: ClassVar[str] = "its rows"
    parquet: Parquet

    def look(self, listed: ListedFile, contract: Contract, left: str) -> Look:
        """The header is the columns of the contract with Spark's types, as JSON. It is read from the footer.

        Then the pages of these columns are walked through, header by header, because a footer may say less than there is.
        """
        return look_at_parquet(listed, contract, left)

    def refuses(self, look: Look, contract: Contract) -> ContractError | None:
        kinds: dict[str, str] = json.loads(look.header or "{}")
        odd = [name for name, kind in kinds.items() if kind.startswith(UNREADABLE)]
        if missing := missing_columns(contract, list(kinds)):
            problem, mend = f"has no column {quoted(missing)}", "add the column to the file"
        elif odd:
            kind = kinds[odd[0]].removeprefix(UNREADABLE)
            problem = f"has a {kind} in column {quoted(odd[:1])}"
            mend = "write the column in microseconds" if "[ns" in kind else "write one plain value a row"
        elif set(kinds.values()) == {VOID}:
            problem, mend = "has no value at all", "write the columns with their values"
        else:
            return None
        expected = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
        return refusal(look.source, problem, looked=f"its footer; expected {expected}", next=mend)

    def ragged(self, contract: Contract) -> str:
        return "the row cannot be read"

    def read(
        self, spark: SparkSession, files: list[str], header: str, contract: Contract, also: Sequence[SparkColumn]
    ) -> DataFrame:
        """Files with other types have another header, so all of `files` have the same types."""
        kinds: dict[str, str] = json.loads(header)
        schema = ", ".join(f"{in_backticks(name)} {kind}" for name, kind in kinds.items() if kind != VOID)
        rows = spark.read.schema(schema).parquet(*[literal(file) for file in files])
        columns = []
        for column in contract.columns:
            held = name_in_file(contract, column.name, list(kinds))
            text = as_text(whole(held), kinds[held], column) if held else F.lit(None).cast("string")
            columns.append(text.alias(column.name))
        return rows.select(*columns, F.lit(None).cast("string").alias(CORRUPT), *also)
