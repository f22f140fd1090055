"""The header line of a CSV file that lands: quoted names, doubled quotes and delimiters in names."""

import pytest

from landfall.spec import Column, Contract, Csv
from spark_jobs.formats.csv_text import CsvReader
from spark_jobs.unpacked import Look


def refused(header: str, *names: str, dialect: Csv | None = None) -> str:
    """Why a file with that header is refused by a contract with these columns; empty if it is not."""
    contract = Contract(columns=tuple(Column(name=name, type="int") for name in names), key=(), partition_by="")
    error = CsvReader(dialect or Csv()).refuses(Look("s3a://lake/a.csv", header), contract)
    return error.what if error else ""


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("id,x", ("id", "x")),
        ('"id","x"\r', ("id", "x")),
        ('\ufeff"id", "x" ', ("id", "x")),
        ('"size ""L""",x', ('size "L"', "x")),
        ('"x, y",id', ("x, y", "id")),
    ],
)
def test_a_quoted_name_is_read_as_a_row_s_values_are(header: str, names: tuple[str, ...]) -> None:
    assert refused(header, *names) == ""


def test_a_quote_of_another_dialect_and_none_are_known() -> None:
    assert refused("'x; y';id", "x; y", "id", dialect=Csv(delimiter=";", quote="'")) == ""
    assert refused('"id";x', "id", "x", dialect=Csv(delimiter=";", quote="'")).endswith("has no column `id`.")


@pytest.mark.parametrize("header", ['"id,x', "id", "id,x,y", "\0\0", f"id,{'x' * 200_000}", ""])
def test_another_header_is_refused_by_name(header: str) -> None:
    assert refused(header, "id", "x").startswith("The landed object `a.csv` has ")
