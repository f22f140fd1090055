"""Which days and hours a calendar has, and how a run's date names them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.errors import SpecError
from landfall.spec import Calendar, Partition

NEW_YORK = Calendar("hour", "America/New_York")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"]
CALENDARS = st.builds(Calendar, st.sampled_from(["day", "hour"]), st.sampled_from(ZONES))
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))


def hour(text: str) -> Partition:
    return Partition.parse(text)


def test_an_hour_that_the_clocks_leave_out_is_no_partition() -> None:
    assert not NEW_YORK.has(hour("2012-03-11T02"))
    with pytest.raises(SpecError) as refused:
        NEW_YORK.parse("2012-03-11T02")
    assert str(refused.value) == (
        "`2012-03-11T02` does not exist in America/New_York.\n  looked: the clocks are put forward over that hour"
    )
    assert [str(each) for each in NEW_YORK.between(hour("2012-03-11T01"), hour("2012-03-11T04"))] == [
        "2012-03-11T01", "2012-03-11T03", "2012-03-11T04",
    ]  # fmt: skip


def test_the_hour_that_comes_twice_is_one_partition_of_two_hours() -> None:
    first, after = NEW_YORK.window(hour("2012-11-04T01"))
    assert after - first == timedelta(hours=2)
    assert NEW_YORK.holding(first) == NEW_YORK.holding(after - timedelta(seconds=1)) == hour("2012-11-04T01")


@pytest.mark.parametrize(
    ("calendar", "text", "what", "looked"),
    [
        (Calendar(), "2012-12-25T07", "`2012-12-25T07` is not a day.", "expected a day, such as 2012-12-25"),
        (NEW_YORK, "2012-12-25", "`2012-12-25` is not an hour.", "expected an hour, such as 2012-12-25T07"),
        (
            NEW_YORK,
            "yesterday",
            "`yesterday` is not a partition.",
            "expected a day written YYYY-MM-DD, such as 2012-12-25",
        ),
        (
            Calendar(),
            "2200-01-01",
            "`2200-01-01` cannot be a partition.",
            "expected a day from 1970-01-01 to 2199-12-31",
        ),
    ],
)
def test_what_is_no_partition_of_the_calendar_is_refused(calendar: Calendar, text: str, what: str, looked: str) -> None:
    with pytest.raises(SpecError) as refused:
        calendar.parse(text)
    assert (refused.value.what, refused.value.looked) == (what, looked)


def test_a_day_stands_for_its_first_and_its_last_hour() -> None:
    assert (str(NEW_YORK.first("2012-12-25")), str(NEW_YORK.last("2012-12-25"))) == ("2012-12-25T00", "2012-12-25T23")
    assert len(NEW_YORK.between(NEW_YORK.first("2012-03-11"), NEW_YORK.last("2012-03-11"))) == 23
    assert len(NEW_YORK.between(NEW_YORK.first("2012-11-04"), NEW_YORK.last("2012-11-04"))) == 24
    assert str(NEW_YORK.first("2012-12-25T07")) == "2012-12-25T07"


@given(CALENDARS, MOMENTS)
def test_every_moment_lies_in_a_partition_that_the_calendar_has(calendar: Calendar, moment: datetime) -> None:
    partition = calendar.holding(moment)
    first, after = calendar.window(partition)
    assert first <= moment < after
    assert calendar.has(partition)
    assert calendar.named(partition.start) == calendar.named(partition.also_at(moment)) == partition
    assert calendar.parse(str(partition)) == partition


@given(CALENDARS, MOMENTS, st.integers(1, 60))
def test_partitions_follow_one_another_without_a_gap(calendar: Calendar, moment: datetime, count: int) -> None:
    first = calendar.holding(moment)
    last = calendar.named(first.start + count * calendar.step)
    windows = [calendar.window(partition) for partition in calendar.between(first, last)]
    assert all(before[1] == following[0] for before, following in pairwise(windows))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(SpecError, match="is not a time zone"):
        Calendar("day", zone)
