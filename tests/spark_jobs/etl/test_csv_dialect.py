"""CSV in a dialect: what a file with semicolons, decimal commas or another encoding becomes, and what is said of a wrong one."""

import gzip
from typing import Any

import pytest

from landfall.errors import ContractError
from landfall.spec import Column, Contract, Csv

DAY = "2012-06-01"
PLACES = Contract(
    columns=(
        Column(name="day", type="date"),
        Column(name="place", type="string"),
        Column(name="price", type="decimal", precision=6, scale=2),
        Column(name="temp", type="double"),
    ),
    key=("day", "place"),
    partition_by="day",
    max_bad_share=0.9,
)
GERMAN = Csv(delimiter=";", decimal=",", quote="'", encoding="cp1252")
TEXT = (
    "place;day;price;temp\n'Zürich; 5 €';2012-06-01;1234,50;0,5\nGenf;2012-06-01;1.5;1e1\nBern;2012-06-01;1,234;-,5\n"
)


def test_a_dialect_is_read_with_its_comma_and_its_encoding(corner_of: Any) -> None:
    corner = corner_of(PLACES, GERMAN)
    corner.land(DAY, gzip.compress(TEXT.encode("cp1252")), "a.csv.gz")
    assert corner.run(DAY)["partitions"] == {DAY: (1, 2)}
    assert [(place, str(price), temp) for place, price, temp in corner.rows("features", "place", "price", "temp")] == [
        ("Zürich; 5 €", "1234.50", 0.5)
    ]
    digits = "a decimal number of at most 4 digits before and 2 after the point"
    assert corner.reasons() == {DAY: [f"price is not {digits} (1,234)", f"price is not {digits} (1.5)"]}


def test_a_file_without_a_header_has_the_columns_of_the_contract(corner_of: Any) -> None:
    corner = corner_of(PLACES, Csv(header=False, encoding="iso-8859-1"))
    corner.land(DAY, "2012-06-01,Zürich,1,2\n2012-06-01,Bern,1\n".encode("latin-1"))
    assert corner.run(DAY)["partitions"] == {DAY: (1, 1)}
    assert corner.rows("features", "place") == [("Zürich",)]
    assert corner.reasons() == {DAY: ["the row has not 4 fields; temp is not a number (empty)"]}


def test_text_of_another_encoding_is_quarantined(corner_of: Any) -> None:
    corner = corner_of(PLACES, Csv())
    corner.land(DAY, "day,place,price,temp\n2012-06-01,Zürich,1,2\n2012-06-01,Bern,1,2\n".encode("cp1252"))
    assert corner.run(DAY)["partitions"] == {DAY: (1, 1)}
    assert corner.reasons() == {DAY: ["place has characters that could not be read (Z\ufffdrich)"]}


@pytest.mark.parametrize(
    ("dialect", "content", "problem", "mend"),
    [
        (Csv(), "day,place,price,temp\n".encode("utf-16"), "is UTF-16, not utf-8", "write the file in utf-8"),
        (GERMAN, b"day,place,price,temp\n", "is separated by ',', not by semicolons", "write the file with semicolons"),
        (Csv(header=False), gzip.compress(b"x"), "is not text (it looks compressed)", "name gzip files .csv.gz"),
    ],
    ids=["utf-16", "commas", "gzip"],
)
def test_a_file_of_another_dialect_is_named(
    corner_of: Any, dialect: Csv, content: bytes, problem: str, mend: str
) -> None:
    corner = corner_of(PLACES, dialect)
    corner.land(DAY, content)
    with pytest.raises(ContractError) as refused:
        corner.run(DAY)
    assert refused.value.what == f"The landed object `{corner.landed}/dt={DAY}/hours.csv` {problem}."
    assert refused.value.looked.endswith("; expected the columns day, place, price, temp")
    assert refused.value.next == f"{mend}, then land it again"


def test_what_the_shipped_spark_does_not_unpack_is_refused_by_name(corner_of: Any) -> None:
    corner = corner_of(PLACES, Csv())
    corner.land(DAY, b"(\xb5/\xfd", "a.csv.zst")
    with pytest.raises(ContractError) as refused:
        corner.run(DAY)
    assert str(refused.value) == (
        f"The landed object `{corner.landed}/dt={DAY}/a.csv.zst` has a name that does not say how to read it.\n"
        "  looked: expected a name that ends in .csv, .txt, .tsv, or in .gz if it is gzip\n"
        "  left: the tables are untouched, what was published stays\n"
        "  next: land it again under such a name"
    )
