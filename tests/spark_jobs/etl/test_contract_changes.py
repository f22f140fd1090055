"""A contract changes while features of older files exist: what the next file may look like, and what becomes of the table."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from landfall.errors import ComputeError
from landfall.spec import Column, Contract, Csv, JsonLines

OLD, NEW = "2012-06-01", "2012-06-02"
FIRST = Contract(
    columns=(Column(name="id", type="int"), Column(name="x", type="int"), Column(name="windspeed", type="double")),
    key=("id",),
    partition_by="",
)


def changed(*columns: Column) -> Contract:
    return replace(FIRST, columns=(FIRST.columns[0], *columns))


def then(corner_of: Any, contract: Contract, content: bytes, days: Iterable[str] = (NEW,)) -> Any:
    """A corner with a day by the first contract, and then the days of another contract."""
    corner = corner_of(FIRST, Csv())
    corner.land(OLD, b"id,x,windspeed\n1,7,0.5\n")
    corner.run(OLD)
    corner.feed = replace(corner.feed, contract=contract)
    corner.land(NEW, content)
    for day in days:
        corner.run(day)
    return corner


def test_a_new_nullable_column_may_be_absent(corner_of: Any) -> None:
    contract = changed(*FIRST.columns[1:], Column(name="note", type="string", nullable=True))
    corner = then(corner_of, contract, b"id,x,windspeed\n2,8,0.5\n")
    corner.land(NEW, b"id,x,windspeed,note\n3,8,0.5,calm\n", "more.csv")
    corner.run(NEW)
    assert sorted(corner.rows("features", "id", "note"), key=str) == [(1, None), (2, None), (3, "calm")]


@pytest.mark.parametrize(
    ("wider", "values"),
    [
        (Column(name="x", type="bigint"), (7, 8)),
        (Column(name="x", type="double"), (7.0, 8.0)),
        (Column(name="x", type="decimal", precision=12, scale=2), (Decimal(7), Decimal(8))),
    ],
    ids=["bigint", "double", "decimal"],
)
def test_a_wider_type_is_written_beside_older_rows(corner_of: Any, wider: Column, values: tuple[Any, Any]) -> None:
    corner = then(corner_of, changed(wider, FIRST.columns[2]), b"id,x,windspeed\n2,8,0.5\n", (NEW, OLD, NEW))
    assert corner.rows("features", "id", "x") == [(1, values[0]), (2, values[1])]
    corner.feed = replace(corner.feed, contract=FIRST)  # and back: the older type fits into the wider column
    corner.run(NEW)
    assert corner.rows("features", "id", "x") == [(1, values[0]), (2, values[1])]


def test_a_type_that_does_not_hold_the_older_values_is_refused(corner_of: Any) -> None:
    with pytest.raises(ComputeError) as refused:
        then(corner_of, changed(Column(name="x", type="boolean"), FIRST.columns[2]), b"id,x,windspeed\n2,true,0.5\n")
    told = refused.value
    assert told.what.startswith("The column `x` of `test_")
    assert told.what.endswith(".features` is int, and the new rows have boolean.")
    assert told.left == "the tables are untouched, what was published stays"
    assert told.next == "give the column another name in the contract or in the transform"


@pytest.mark.parametrize("header", ["id,x,windspeed", "id,x,wind"])
def test_a_renamed_column_reads_both_names(corner_of: Any, header: str) -> None:
    contract = changed(FIRST.columns[1], Column(name="wind", type="double", renamed_from="windspeed"))
    corner = then(corner_of, contract, f"{header}\n2,8,0.5\n".encode())
    assert sorted(corner.rows("features", "id", "wind", "windspeed"), key=str) == [(1, None, 0.5), (2, 0.5, None)]
    corner.run(OLD)  # it is stale, so it is run again
    assert sorted(corner.rows("features", "id", "wind"), key=str) == [(1, 0.5), (2, 0.5)]


def test_a_renamed_column_of_json_lines_reads_both_names(corner_of: Any) -> None:
    contract = changed(FIRST.columns[1], Column(name="wind", type="double", renamed_from="windspeed"))
    corner = corner_of(contract, JsonLines(paths={"wind": "weather.wind"}))
    corner.land(NEW, b'{"id": 1, "x": 1, "windspeed": 0.5}\n{"id": 2, "x": 1, "weather": {"wind": 0.6}}\n', "a.jsonl")
    corner.run(NEW)
    assert corner.rows("features", "id", "wind") == [(1, 0.5), (2, 0.6)]
