"""What one column promises: the type that all values have, a range with room, and whether it may be absent."""

import math
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.spec import Column
from landfall.starting.columns import infer_column
from landfall.starting.sample import SampleColumn


def inferred(*texts: str | None, name: str = "value", kind: str = "") -> Column:
    return infer_column(SampleColumn(name, texts, kind), name, "UTC").column


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("1", "-2", "+3"), "bigint"),
        (("1", "2.5"), "double"),
        (("1e3", "2"), "double"),
        (("007", "012"), "string"),
        (("00.5", "1"), "string"),
        (("NaN", "1"), "string"),
        (("1e999", "1"), "string"),
        (("1" * 19, "2"), "double"),
        (("true", "False"), "boolean"),
        (("2024-02-29", "2024-03-01"), "date"),
        (("2024-02-30", "2024-03-01"), "string"),
        (("2024-02-29 10:00", "2024-02-29T10:00:01.5"), "timestamp"),
        (("2024-02-29T10:00Z", "2024-02-29T10:00+01:00"), "timestamp"),
        (("2024-02-29T10:00Z", "2024-02-29T10:00"), "string"),
        (("1.2.2024", "2.2.2024"), "string"),
        (("a", "b"), "string"),
        ((None, None), "string"),
    ],
)
def test_the_type_is_the_one_that_every_value_has(texts: tuple[str | None, ...], kind: str) -> None:
    assert inferred(*texts).type == kind


def test_milliseconds_are_times_only_under_the_name_of_a_time() -> None:
    assert inferred("1700000000000", "1700000001000", name="created_at").type == "timestamp"
    assert inferred("1700000000000", "1700000001000", name="amount").type == "bigint"


def test_times_without_an_offset_are_of_the_zone() -> None:
    column = SampleColumn("at", ("2024-01-01 10:00", "2024-01-01 11:00"))

    local = infer_column(column, "at", "Europe/Berlin")
    assert (local.column.zone, local.why) == (
        "Europe/Berlin",
        "only ISO 8601 times; without an offset, so read as times of Europe/Berlin",
    )
    assert inferred("2024-01-01T10:00Z", "2024-01-01T11:00Z").zone == ""


def test_a_range_has_room_and_stays_on_its_side_of_zero() -> None:
    assert (inferred("10", "20").minimum, inferred("10", "20").maximum) == (7, 23)
    assert (inferred("1", "20").minimum, inferred("1", "20").maximum) == (0, 25)
    assert (inferred("-10", "10").minimum, inferred("-10", "10").maximum) == (-15, 15)
    assert (inferred("0", "1").minimum, inferred("0", "1").maximum) == (0, 1)
    assert (inferred("0.5", "0.9").minimum, inferred("0.5", "0.9").maximum) == (0.4, 1.0)
    assert (inferred("5", "5").minimum, inferred("5", "5").maximum) == (0, None)


def test_what_counts_rows_has_no_maximum() -> None:
    assert inferred("17", "3", "99", name="station_id").maximum is None
    assert inferred("3", "4", "5").maximum is None
    assert inferred("3", "5", "4").maximum == 6


def test_a_column_with_gaps_is_nullable_and_says_how_many() -> None:
    one = infer_column(SampleColumn("x", ("1", None, "3", None)), "x", "UTC")

    assert one.column.nullable
    assert one.why.endswith("2 of 4 rows have no value, so it is nullable")


def test_a_renamed_column_keeps_the_name_that_it_has_in_the_file() -> None:
    one = infer_column(SampleColumn("Größe", ("1", "3")), "grosse", "UTC")

    assert (one.column.name, one.column.renamed_from) == ("grosse", "Größe")
    assert one.why.endswith("called `Gr\\xf6\\xdfe` in the file")


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1))
def test_whole_numbers_lie_within_their_range(numbers: list[int]) -> None:
    column = inferred(*map(str, numbers))

    assert column.type == "bigint"
    assert column.minimum is None or all(column.minimum <= number for number in numbers)
    assert column.maximum is None or all(number <= column.maximum for number in numbers)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_lie_within_their_range(numbers: list[float]) -> None:
    column = inferred(*map(repr, numbers), kind="double")

    assert column.type == "double"
    for bound in (column.minimum, column.maximum):
        assert bound is None or math.isfinite(bound)
    assert column.minimum is None or all(column.minimum <= number for number in numbers)
    assert column.maximum is None or all(number <= column.maximum for number in numbers)


@given(st.lists(st.dates(date(1970, 1, 2), date(2199, 1, 1)), min_size=1))
def test_days_are_days(days: list[date]) -> None:
    assert inferred(*map(str, days)).type == "date"


@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), min_size=1), st.booleans())
def test_times_are_times(times: list[datetime], aware: bool) -> None:
    zone = timezone(timedelta(hours=5, minutes=30)) if aware else None

    assert inferred(*(time.replace(tzinfo=zone).isoformat() for time in times)).type == "timestamp"


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_text_gets_a_type_that_a_contract_takes(texts: list[str]) -> None:
    infer_column(SampleColumn("x", tuple(texts)), "x", "UTC")
