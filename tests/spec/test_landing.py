"""Landings: folders, time zones, readiness and what strangers may write as keys."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.errors import SpecError
from landfall.pipelines.bike_demand import FORECAST
from landfall.spec import AllNamed, AtLeast, Landing, Marker, OneObject, Partition, Partitions, Readiness, Settled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = Partition.parse("2026-03-01")
BERLIN = Landing(prefix="a/b", timezone="Europe/Berlin")
BERLIN_HOURS = Landing(prefix="a/b", timezone="Europe/Berlin", folder_format="dt=%Y-%m-%d/hr=%H")


def hours(landing: Landing, name: str) -> float:
    first, after = landing.calendar.window(Partition.parse(name))
    return (after - first).total_seconds() / 3600


@pytest.mark.parametrize(
    ("day", "length"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)]
)
def test_a_day_has_the_hours_that_its_zone_gives_it(day: str, length: int) -> None:
    assert hours(BERLIN, day) == length
    assert hours(Landing(prefix="a"), day) == 24


@pytest.mark.parametrize(
    ("hour", "length"), [("2026-03-29T01", 1), ("2026-03-29T02", 0), ("2026-03-29T03", 1), ("2026-10-25T02", 2)]
)
def test_the_hour_left_out_is_empty_and_the_hour_that_comes_twice_has_two(hour: str, length: int) -> None:
    assert hours(BERLIN_HOURS, hour) == length


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 30)),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"]
    ),
    st.booleans(),
)
def test_every_instant_lies_in_the_window_of_the_partition_that_holds_it(
    moment: datetime, zone: str, hourly: bool
) -> None:
    landing = Landing(prefix="a", timezone=zone, folder_format="%Y/%m/%d/%H" if hourly else "%Y-%m-%d")
    instant = moment.replace(tzinfo=UTC)
    held = landing.calendar.holding(instant)
    first, after = landing.calendar.window(held)
    assert first <= instant < after
    assert first.astimezone(ZoneInfo(zone)).date() == held.day
    assert landing.home_of(f"{landing.folder(held)}x.csv") == (held, "x.csv")


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 30)), min_size=2, max_size=2))
def test_folders_sort_as_time_does(moments: list[datetime]) -> None:
    landing = Landing(prefix="a", folder_format="y=%Y/m=%m/d=%d/hr=%H")
    earlier, later = sorted(landing.calendar.holding(moment.replace(tzinfo=UTC)) for moment in moments)
    assert landing.folder(earlier) <= landing.folder(later)


@pytest.mark.parametrize(
    "wrong", ["", "dt=%Y", "dt=%d-%m-%Y", "dt=%Y-%m-%d/%Y", "%Y%m%d%M", "dt=%Y-%m-%d/%", "a b%Y%m%d"]
)
def test_a_folder_that_does_not_sort_as_time_is_refused(wrong: str) -> None:
    with pytest.raises(SpecError, match="is not a partition's folder"):
        Landing(prefix="a", folder_format=wrong)


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime"])
def test_a_zone_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(SpecError, match="is not a time zone"):
        Landing(prefix="a", timezone=wrong)


def objects(*names: str, ago: float = 60) -> list[tuple[str, datetime]]:
    return [(f"a/dt=2026-03-01/{name}", NOW - timedelta(seconds=ago)) for name in names]


@pytest.mark.parametrize(
    ("ready", "names", "lacks"),
    [
        (OneObject(), (), "no object yet"),
        (OneObject(), ("_SUCCESS", ".x.csv", "notes.txt", "_temporary/0/a.csv"), "no object yet"),
        (OneObject(), ("a.csv",), ""),
        (AllNamed(("a.csv", "b.csv")), ("a.csv",), "missing b.csv"),
        (AllNamed(("a.csv", "b.csv")), ("a.csv", "b.csv", "c.csv"), ""),
        (Marker(), (), "no object yet"),
        (Marker(), ("a.csv",), "no marker _SUCCESS"),
        (Marker(), ("_SUCCESS",), "a marker _SUCCESS, but no object"),
        (Marker(), ("a.csv", "_SUCCESS"), ""),
        (AtLeast(2), ("a.csv", "notes.txt"), "1 of at least 2 objects"),
        (AtLeast(2), ("a.csv", "b.csv.gz"), ""),
        (Settled(timedelta(minutes=5)), (), "no object yet"),
        (Settled(timedelta(minutes=5)), ("a.csv",), "still changing: quiet in 240 s"),
        (Settled(timedelta(minutes=1)), ("a.csv",), ""),
    ],
)
def test_readiness_says_what_is_missing(ready: Readiness, names: tuple[str, ...], lacks: str) -> None:
    landing = Landing(prefix="a", ready=ready)
    elsewhere = [("a/dt=2026-03-02/a.csv", NOW), ("a/dt=2026-03-02/_SUCCESS", NOW), ("a/b.csv", NOW)]
    assert landing.lacks(DAY, [*objects(*names), *elsewhere], NOW) == lacks


@pytest.mark.parametrize(
    "make", [lambda: AtLeast(0), lambda: AllNamed(()), lambda: AllNamed(("a/b",)), lambda: Settled(timedelta(0))]
)
def test_a_readiness_that_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(SpecError):
        make()  # type: ignore[operator]


@given(st.text(max_size=80))
def test_a_key_written_by_a_stranger_is_matched_or_rejected_never_an_error(tail: str) -> None:
    landing = Landing(prefix="a")
    for key in (tail, f"a/{tail}", f"a/dt={tail}", f"a/dt=2026-03-01/{tail}", f"a/dt=2026-03-01/{tail}.csv"):
        found = landing.partition_of(key)
        assert found in (None, DAY)


def test_hours_and_days_are_written_and_read() -> None:
    hour = Partition.parse("2026-03-01T07")
    assert (hour.day, hour.hour, str(hour)) == (date(2026, 3, 1), 7, "2026-03-01T07")
    assert (
        str(Partitions.parse("2026-03-01T22..2026-03-02T01,2026-03-02T03"))
        == "2026-03-01T22..2026-03-02T01,2026-03-02T03"
    )
    assert len(Partitions.parse("2026-03-01T22..2026-03-02T01")) == 4
    for wrong in ("2026-03-01T24", "2026-03-01T7", "2026-03-01T", "2026-03-01..2026-03-01T01"):
        with pytest.raises(SpecError):
            Partitions.parse(wrong)


def test_a_deadline_counts_from_the_start_of_the_partition() -> None:
    assert Landing(prefix="a").due(DAY) is None
    late = Landing(prefix="a", timezone="Europe/Berlin", deadline=timedelta(hours=6)).due(DAY)
    assert late == datetime(2026, 3, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("landing", [BERLIN, BERLIN_HOURS, Landing(prefix="a", folder_format="%Y%m%d%H")])
def test_a_feed_that_publishes_utc_days_refuses_another_landing(landing: Landing) -> None:
    with pytest.raises(SpecError, match=r"Feed `bike_demand/forecast` cannot publish (days|hours) of "):
        replace(FORECAST, landing=landing)
