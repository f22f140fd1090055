"""The timetable of partitioned DAGs: which day's run is next, and when it is created."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from hypothesis import given
from hypothesis import strategies as st
from pendulum import DateTime

from landfall.orchestration.timetable import PartitionTimetable

DAY = timedelta(days=1)
NOW = pendulum.datetime(2012, 12, 25, 15, 30, tz="UTC")
START = pendulum.datetime(2000, 1, 1, tz="UTC")


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> DateTime:
    return pendulum.datetime(year, month, day, hour, minute, tz="UTC")


def interval(day: DateTime) -> DataInterval:
    return DataInterval(day, day + DAY)


@pytest.fixture
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The afternoon of 25 December 2012."""
    monkeypatch.setattr(pendulum, "now", lambda tz=None: NOW)


def following(
    table: PartitionTimetable,
    last: DateTime | None,
    *,
    catchup: bool,
    first: DateTime = START,
    end: DateTime | None = None,
) -> DagRunInfo | None:
    """The run after the one of day `last`."""
    return table.next_dagrun_info(
        last_automated_data_interval=interval(last) if last else None,
        restriction=TimeRestriction(first, end, catchup=catchup),
    )


def backfilled(table: PartitionTimetable, first: DateTime, last: DateTime) -> Iterator[DagRunInfo]:
    """The runs of a backfill: Airflow asks from run to run, with both ends as the restriction."""
    restriction, info = TimeRestriction(first, last, catchup=True), None
    while info := table.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        yield info


def days_of(infos: Iterator[DagRunInfo]) -> list[str]:
    return [info.data_interval.start.to_date_string() for info in infos if info.data_interval]


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize(
    ("ahead", "day", "created"),
    [(1, utc(2012, 12, 26), utc(2012, 12, 25)), (-1, utc(2012, 12, 24), utc(2012, 12, 25)),
     (0, utc(2012, 12, 25), utc(2012, 12, 25)), (2, utc(2012, 12, 27), utc(2012, 12, 25))],
)  # fmt: skip
@pytest.mark.parametrize("last", [None, utc(2012, 12, 1)], ids=["the first run ever", "after days without a run"])
def test_without_catchup_the_next_run_is_the_newest_that_may_exist_now(
    ahead: int, day: DateTime, created: DateTime, last: DateTime | None
) -> None:
    info = following(PartitionTimetable(ahead), last, catchup=False)

    assert info == DagRunInfo(run_after=created, data_interval=interval(day))


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize("ahead", [1, -1])
def test_without_catchup_the_run_after_the_newest_is_the_next_day_s(ahead: int) -> None:
    newest = utc(2012, 12, 25 + ahead)

    assert following(PartitionTimetable(ahead), newest, catchup=False) == DagRunInfo(
        run_after=utc(2012, 12, 26), data_interval=interval(newest + DAY)
    )


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize("ahead", [1, -1])
def test_with_catchup_no_day_is_left_out(ahead: int) -> None:
    table = PartitionTimetable(ahead)

    assert following(table, None, catchup=True) == DagRunInfo(START, interval(START))
    assert following(table, START, catchup=True) == DagRunInfo(START + DAY, interval(START + DAY))


@pytest.mark.usefixtures("at_now")
def test_a_start_within_a_day_leaves_that_day_out() -> None:
    info = following(PartitionTimetable(-1), None, catchup=True, first=utc(2011, 1, 1, 0, 1))

    assert info == DagRunInfo(utc(2011, 1, 2), interval(utc(2011, 1, 2)))


@pytest.mark.usefixtures("at_now")
def test_a_start_that_lies_ahead_is_waited_for() -> None:
    info = following(PartitionTimetable(1), None, catchup=False, first=utc(2013, 6, 1))

    assert info == DagRunInfo(utc(2013, 5, 31), interval(utc(2013, 6, 1)))


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize("catchup", [True, False])
def test_after_the_end_there_is_no_run(catchup: bool) -> None:
    table, last = PartitionTimetable(1), utc(2012, 12, 26)

    on_the_end = following(table, last, catchup=catchup, end=utc(2012, 12, 27))
    assert on_the_end == DagRunInfo(utc(2012, 12, 26), interval(utc(2012, 12, 27)))
    assert following(table, last, catchup=catchup, end=utc(2012, 12, 26, 23, 59)) is None


def test_a_dag_without_a_start_has_no_runs() -> None:
    assert (
        PartitionTimetable(1).next_dagrun_info(
            last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
        )
        is None
    )


@pytest.mark.parametrize("ahead", [1, -1])
@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (utc(2014, 2, 27), utc(2014, 3, 2), ["2014-02-27", "2014-02-28", "2014-03-01", "2014-03-02"]),
        (utc(2012, 2, 28), utc(2012, 3, 1), ["2012-02-28", "2012-02-29", "2012-03-01"]),
        (utc(2014, 5, 1), utc(2014, 5, 1), ["2014-05-01"]),
        (utc(2014, 5, 2), utc(2014, 5, 1), []),
        (utc(2014, 5, 1, 12), utc(2014, 5, 3, 12), ["2014-05-02", "2014-05-03"]),
    ],
)
def test_a_backfill_is_exactly_the_days_asked_for_both_ends_included(
    ahead: int, first: DateTime, last: DateTime, expected: list[str]
) -> None:
    assert days_of(backfilled(PartitionTimetable(ahead), first, last)) == expected


@pytest.mark.parametrize("ahead", [1, -1])
def test_days_on_which_clocks_change_are_utc_days_of_24_hours(ahead: int) -> None:
    new_york = ZoneInfo("America/New_York")
    assert datetime(2014, 3, 9, tzinfo=new_york).utcoffset() != datetime(2014, 3, 10, tzinfo=new_york).utcoffset()

    for first, last in ((utc(2014, 3, 8), utc(2014, 3, 10)), (utc(2014, 11, 1), utc(2014, 11, 3))):
        for info in backfilled(PartitionTimetable(ahead), first, last):
            assert info.data_interval is not None
            assert info.data_interval.end - info.data_interval.start == DAY
            assert info.data_interval.start.timezone_name == "UTC"
            assert (info.data_interval.start.hour, info.run_after.hour) == (0, 0)


@given(
    first=st.dates(date(1990, 1, 1), date(2100, 1, 1)), count=st.integers(0, 40), ahead=st.integers(-3, 3),
)  # fmt: skip
def test_consecutive_runs_are_of_consecutive_days_labelled_by_them_or_created_that_much_ahead(
    first: date, count: int, ahead: int
) -> None:
    start = utc(first.year, first.month, first.day)
    infos = list(backfilled(PartitionTimetable(ahead), start, start.add(days=count)))

    assert len(infos) == count + 1
    assert infos[0].logical_date == start
    for info in infos:
        assert info.data_interval is not None
        assert info.data_interval.end - info.data_interval.start == DAY
        assert info.logical_date == info.data_interval.start
        is_over = info.data_interval.end <= pendulum.now("UTC")
        assert info.run_after == info.data_interval.start - (timedelta(0) if is_over else ahead * DAY)
    for one, other in pairwise(infos):
        assert other.data_interval is not None
        assert one.data_interval is not None
        assert other.data_interval.start == one.data_interval.end


@given(moment=st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1)), ahead=st.integers(-3, 3))
def test_without_catchup_a_run_is_never_created_before_its_time_nor_a_day_late(moment: datetime, ahead: int) -> None:
    now = pendulum.instance(moment, tz="UTC")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pendulum, "now", lambda tz=None: now)
        info = following(PartitionTimetable(ahead), None, catchup=False, first=START.subtract(days=5))

    assert info is not None
    assert info.run_after <= now < info.run_after + DAY


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (utc(2012, 12, 25), utc(2012, 12, 25)),
        (utc(2012, 12, 25, 23, 59), utc(2012, 12, 25)),
        (pendulum.datetime(2012, 12, 24, 20, tz="America/New_York"), utc(2012, 12, 25)),
        (pendulum.datetime(2012, 12, 25, 5, tz="Asia/Tokyo"), utc(2012, 12, 24)),
    ],
)
@pytest.mark.parametrize("ahead", [1, -1])
def test_a_run_started_by_hand_owns_the_utc_day_of_its_logical_date(
    ahead: int, moment: DateTime, day: DateTime
) -> None:
    assert PartitionTimetable(ahead).infer_manual_data_interval(run_after=moment) == interval(day)


@pytest.mark.parametrize(
    ("ahead", "label"), [(-1, utc(2012, 12, 24)), (0, utc(2012, 12, 25)), (1, utc(2012, 12, 25))],
)  # fmt: skip
def test_the_run_that_is_created_now_is_labelled_by_its_day_if_that_has_begun(ahead: int, label: DateTime) -> None:
    day = utc(2012, 12, 25 + ahead)
    model = SimpleNamespace(
        next_dagrun=day, next_dagrun_data_interval=interval(day), next_dagrun_create_after=utc(2012, 12, 25),
        next_dagrun_partition_date=None, next_dagrun_partition_key=None,
    )  # fmt: skip

    info = PartitionTimetable(ahead).next_run_info_from_dag_model(dag_model=model)
    assert info == DagRunInfo(run_after=label, data_interval=interval(day))
    model.next_dagrun_create_after = None
    assert PartitionTimetable(ahead).next_run_info_from_dag_model(dag_model=model) is None


@given(st.integers(-30, 30))
def test_a_timetable_is_the_same_after_it_was_serialized(ahead: int) -> None:
    table = PartitionTimetable(ahead)
    again = PartitionTimetable.deserialize(table.serialize())

    assert type(again) is PartitionTimetable
    assert (again.ahead, again.summary, again.description) == (table.ahead, table.summary, table.description)


@pytest.mark.parametrize(
    ("ahead", "summary", "description"),
    [
        (1, "daily, a day ahead", "every UTC day, a day ahead"),
        (-1, "daily, when it is over", "every UTC day, when it is over"),
        (3, "daily, 3 days ahead", "every UTC day, 3 days ahead"),
    ],
)
def test_a_timetable_says_when_its_runs_are_created(ahead: int, summary: str, description: str) -> None:
    table = PartitionTimetable(ahead)

    assert (table.summary, table.description) == (summary, description)
    assert table.periodic  # else Airflow refuses to backfill it
    assert table.can_be_scheduled


ZONED = PartitionTimetable(-1, "hour", "America/New_York")


def hours_of(infos: Iterator[DagRunInfo]) -> list[str]:
    return [info.data_interval.start.strftime("%m-%dT%H") for info in infos if info.data_interval]


def test_the_hour_that_the_clocks_leave_out_has_no_run() -> None:
    infos = list(backfilled(ZONED, utc(2012, 3, 11, 1), utc(2012, 3, 11, 4)))
    assert hours_of(iter(infos)) == ["03-11T01", "03-11T03", "03-11T04"]
    assert [info.run_after for info in infos] == [info.logical_date for info in infos]


def test_a_day_with_an_hour_that_comes_twice_has_24_runs() -> None:
    assert len(hours_of(backfilled(ZONED, utc(2012, 11, 4), utc(2012, 11, 4, 23)))) == 24


@pytest.mark.parametrize(
    ("ahead", "now", "logical", "created"),
    [
        # 15:30 UTC is 10:30 in New York: the hour 09 is over since 15:00 UTC.
        (-1, utc(2012, 12, 25, 15, 30), utc(2012, 12, 25, 9), utc(2012, 12, 25, 15)),
        (0, utc(2012, 12, 25, 15, 30), utc(2012, 12, 25, 10), utc(2012, 12, 25, 15)),
        (6, utc(2012, 12, 25, 15, 30), utc(2012, 12, 25, 16), utc(2012, 12, 25, 15)),
        # The first 01:30 of the night in which the clocks are put back is followed by a second one.
        (-1, utc(2012, 11, 4, 5, 30), utc(2012, 11, 4, 0), utc(2012, 11, 4, 5)),
        (-1, utc(2012, 11, 4, 6, 30), utc(2012, 11, 4, 0), utc(2012, 11, 4, 5)),
        (-1, utc(2012, 11, 4, 7, 30), utc(2012, 11, 4, 1), utc(2012, 11, 4, 7)),
    ],
)
def test_a_run_of_an_hour_is_created_by_the_clocks_of_its_zone(
    monkeypatch: pytest.MonkeyPatch, ahead: int, now: DateTime, logical: DateTime, created: DateTime
) -> None:
    monkeypatch.setattr(pendulum, "now", lambda tz=None: now)
    info = following(PartitionTimetable(ahead, "hour", "America/New_York"), None, catchup=False)
    assert info == DagRunInfo(run_after=created, data_interval=DataInterval(logical, logical.add(hours=1)))


@pytest.mark.parametrize(
    ("zone", "now", "logical", "created"),
    [
        ("America/New_York", utc(2012, 12, 25, 3), utc(2012, 12, 23), utc(2012, 12, 24, 5)),
        ("America/New_York", utc(2012, 12, 25, 6), utc(2012, 12, 24), utc(2012, 12, 25, 5)),
        ("Asia/Tokyo", utc(2012, 12, 25, 16), utc(2012, 12, 25), utc(2012, 12, 25, 15)),
    ],
)
def test_a_run_of_a_day_is_created_when_the_day_is_over_in_its_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, now: DateTime, logical: DateTime, created: DateTime
) -> None:
    monkeypatch.setattr(pendulum, "now", lambda tz=None: now)
    info = following(PartitionTimetable(-1, "day", zone), None, catchup=False)
    assert info == DagRunInfo(run_after=created, data_interval=interval(logical))


def test_a_timetable_of_hours_says_so_and_is_the_same_after_it_was_serialized() -> None:
    again = PartitionTimetable.deserialize(ZONED.serialize())
    assert again.calendar == ZONED.calendar
    assert (again.summary, again.description) == (
        "hourly (America/New_York), when it is over", "every America/New_York hour, when it is over",
    )  # fmt: skip
    assert PartitionTimetable.deserialize({"ahead": 1}).description == "every UTC day, a day ahead"


def test_an_hour_that_the_clocks_leave_out_cannot_be_run_by_hand() -> None:
    with pytest.raises(ValueError, match="`2012-03-11T02` does not exist in America/New_York"):
        ZONED.infer_manual_data_interval(run_after=utc(2012, 3, 11, 2, 20))
