"""Columns and the whole contract: what is refused, how both are written down, and that older contracts keep their version."""

import json

import pytest

from landfall.errors import SpecError
from landfall.spec import Column, Contract, Landing, References

HOURLY = Landing(prefix="a", folder_format="dt=%Y-%m-%d/hr=%H")
DAY, HOUR, TIME = Column(name="day", type="date"), Column(name="hr", type="int"), Column(name="at", type="timestamp")
EVERYTHING = Contract(
    columns=(
        TIME,
        Column(name="id", type="bigint"),
        Column(name="price", type="decimal", precision=9, scale=2, minimum=0.0),
        Column(name="open", type="boolean", nullable=True),
        Column(name="local", type="timestamp", zone="Europe/Berlin"),
        Column(name="country", type="string", allowed=("DE", "FR")),
        Column(name="plate", type="string", pattern="[A-Z]{1,3}-\\d+", unique=True),
        Column(name="station", type="int", references=References(table="features.stations", column="id")),
        Column(name="wind", type="double", renamed_from="windspeed"),
    ),
    key=("at", "id"),
    partition_by="at",
)


def test_a_contract_is_read_as_it_was_written() -> None:
    assert Contract.from_json(EVERYTHING.to_json()) == EVERYTHING


def test_only_what_is_declared_is_written() -> None:
    """Otherwise a new field of a column would change the version of every contract."""
    written = json.loads(Contract(columns=(DAY,), key=("day",), partition_by="day").to_json())
    assert written == {
        "columns": [{"name": "day", "type": "date"}],
        "key": ["day"],
        "partition_by": "day",
        "max_bad_share": 0.1,
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Column(name="x", type="float"),  # type: ignore[arg-type]
            "Column `x` has type `float`.\n"
            "  looked: known: int, bigint, double, decimal, boolean, date, timestamp, string",
        ),
        (
            lambda: Column(name="x", type="string", minimum=1),
            "Column `x` has minimum, but its type is `string`.\n  looked: minimum is for int, bigint, double, decimal",
        ),
        (
            lambda: Column(name="x", type="int", pattern="a"),
            "Column `x` has pattern, but its type is `int`.\n  looked: pattern is for string",
        ),
        (lambda: Column(name="x", type="int", minimum=2, maximum=1), "Column `x` has an empty range.\n  looked: 2 > 1"),
        (
            lambda: Column(name="x", type="decimal"),
            "Column `x` is a decimal(0,0).\n  looked: expected precision from 1 to 38, and scale from 0 to precision",
        ),
        (
            lambda: Column(name="x", type="timestamp", zone="Mars/Olympus"),
            "Column `x` has the zone `Mars/Olympus`.\n  looked: expected a name of the IANA database, such as Europe/Berlin",
        ),
        (
            lambda: References(table="stations", column="id"),
            "References to `stations.id` is no column of a table.\n  looked: expected schema.table, column",
        ),
        (
            lambda: Contract(columns=(DAY, HOUR), key=("hr",), partition_by="hr"),
            "Contract.partition_by names `hr` of type `int`.\n  looked: expected date or timestamp",
        ),
        (
            lambda: Contract(columns=(DAY, TIME), key=("day",), partition_by="day", partition_hour="at"),
            "Contract.partition_hour names `at` of type `timestamp`.\n  looked: expected int",
        ),
        (
            lambda: Contract(columns=(TIME, HOUR), key=("at",), partition_by="at", partition_hour="hr"),
            "Contract.partition_hour names `hr` without a date.\n  looked: expected a date column in partition_by",
        ),
        (
            lambda: Contract(
                columns=(DAY, Column(name="k", type="int", nullable=True)), key=("k",), partition_by="day"
            ),
            "Column `k` is nullable.\n  looked: the key and the partition of a row are always known",
        ),
        (
            lambda: Contract(
                columns=(DAY, Column(name="x", type="int", renamed_from="day")), key=("x",), partition_by=""
            ),
            "Contract.columns has a name twice.\n  looked: day, x, day",
        ),
        (
            lambda: Contract(columns=(DAY,), key=("day",), partition_by="day").check_landing(HOURLY),
            "The rows of `a` say a day, but land by the hour.\n"
            "  looked: Contract.partition_by is `day`, partition_hour is ``\n"
            "  next: name the column of the hour in Contract.partition_hour, for hourly landings only",
        ),
        (
            lambda: Contract(columns=(DAY, HOUR), key=("day",), partition_by="day", partition_hour="hr").check_landing(
                Landing(prefix="a")
            ),
            "The rows of `a` say an hour, but land by the day.\n"
            "  looked: Contract.partition_by is `day`, partition_hour is `hr`\n"
            "  next: name the column of the hour in Contract.partition_hour, for hourly landings only",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "contract",
    [
        EVERYTHING,
        Contract(columns=(DAY,), key=("day",), partition_by=""),
        Contract(columns=(DAY, HOUR), key=("day", "hr"), partition_by="day", partition_hour="hr"),
    ],
    ids=["by a timestamp", "by the folder", "by a date and an hour"],
)
def test_rows_of_an_hourly_landing_can_say_their_partition(contract: Contract) -> None:
    contract.check_landing(HOURLY)
