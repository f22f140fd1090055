"""Which days can be partitions."""

from datetime import UTC, date, datetime

import pytest

from landfall.errors import SpecError
from landfall.spec import Landing, Partition

LANDING = Landing(prefix="p")


@pytest.mark.parametrize("day", ["1970-01-01", "2012-12-25", "2199-12-31"])
def test_the_first_and_the_last_day_are_partitions(day: str) -> None:
    partition = Partition.parse(day)
    assert str(partition) == day
    assert LANDING.home_of(f"p/dt={day}/a.csv") == (partition, "a.csv")
    assert LANDING.calendar.holding(LANDING.calendar.window(partition)[0]) == partition


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"])
def test_a_day_out_of_range_is_none_and_says_what_was_expected(day: str) -> None:
    for asked in (lambda: Partition.parse(day), lambda: LANDING.calendar.checked(Partition(date.fromisoformat(day)))):
        with pytest.raises(SpecError) as caught:
            asked()
        assert str(caught.value) == (
            f"`{day}` cannot be a partition.\n  looked: expected a day from 1970-01-01 to 2199-12-31"
        )
    assert LANDING.home_of(f"p/dt={day}/a.csv") is None
    assert LANDING.partition_of(f"p/dt={day}/a.csv") is None


def test_one_more_run_of_a_partition_has_another_moment_of_it() -> None:
    now = datetime(2026, 11, 30, 9, 15, 33, 7, tzinfo=UTC)
    assert Partition.parse("2012-12-25").also_at(now) == datetime(2012, 12, 25, 9, 15, 33, 7, tzinfo=UTC)
    assert Partition.parse("2012-12-25T23").also_at(now) == datetime(2012, 12, 25, 23, 15, 33, 7, tzinfo=UTC)
