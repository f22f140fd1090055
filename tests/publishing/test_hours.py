"""Tables whose partitions are hours, or days of another time zone than UTC, on a real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from landfall.errors import PublishingError
from landfall.publishing import lookup, made, publications, publish, published_partitions, rollback
from landfall.spec import Calendar, Partition, PredictionTable

pytestmark = pytest.mark.stack
NEW_YORK = Calendar("hour", "America/New_York")


@pytest.fixture
def hourly(table: PredictionTable) -> PredictionTable:
    return replace(table, calendar=NEW_YORK)


def rows_of(table: PredictionTable, partition: Partition, count: int = 3, predicted: float = 1.0):
    """Some rows a minute apart from the partition's first instant in its zone."""
    first, _ = table.calendar.window(partition)
    return [("Washington", first + timedelta(minutes=number), predicted) for number in range(count)]


def put(conn, table, steps, name: str, predicted: float = 1.0):
    partition = Partition.parse(name)
    return steps.land(conn, table, rows_of(table, partition, predicted=predicted), partition=partition)


def test_each_hour_is_published_and_rolled_back_by_itself(conn, hourly, steps):
    seven, eight = "2012-12-25T07", "2012-12-25T08"
    put(conn, hourly, steps, seven, 1.0)
    put(conn, hourly, steps, eight, 2.0)
    put(conn, hourly, steps, eight, 3.0)
    assert steps.seen(conn, hourly, "DISTINCT partition, predicted, city, time")[::3] == [
        (seven, 1.0, "Washington", datetime(2012, 12, 25, 12, tzinfo=UTC)),
        (eight, 3.0, "Washington", datetime(2012, 12, 25, 13, tzinfo=UTC)),
    ]
    assert (
        published_partitions(conn, hourly)
        == set(made(conn, hourly))
        == {Partition.parse(seven), Partition.parse(eight)}
    )
    rollback(conn, hourly, Partition.parse(eight))
    assert {row[0] for row in steps.seen(conn, hourly, "predicted")} == {1.0, 2.0}
    assert [(str(record.partition), record.state) for record in publications(conn, hourly)] == [
        (eight, "rolled_back"), (eight, "published"), (seven, "published"),
    ]  # fmt: skip


def test_the_hour_that_comes_twice_holds_both_of_its_hours(conn, hourly, steps):
    partition = Partition.parse("2012-11-04T01")
    first, after = NEW_YORK.window(partition)
    times = [first, first + timedelta(hours=1), after - timedelta(seconds=1)]
    steps.land(conn, hourly, [("Washington", time, 1.0) for time in times], partition=partition)
    assert [row[0] for row in steps.seen(conn, hourly, "time")] == times


def test_a_row_of_the_next_hour_is_refused(conn, hourly, steps):
    partition = Partition.parse("2012-12-25T07")
    publication = steps.begin(conn, hourly, partition=partition)
    _, after = NEW_YORK.window(partition)
    steps.stage(conn, publication, [("Washington", after, 1.0)])
    with pytest.raises(PublishingError) as refused:
        publish(conn, publication, expected_rows=1)
    assert refused.value.what == f"`{hourly.name}` 2012-12-25T07 was not published: 1 rows lie outside of its hour."
    assert refused.value.looked == "times from 2012-12-25 13:00:00 to 2012-12-25 13:00:00 UTC"


def test_a_lookup_finds_the_hour_of_the_zone_and_names_the_nearest_ones(conn, hourly, steps):
    for name in ("2012-12-25T05", "2012-12-25T09", "2012-12-24T23"):
        put(conn, hourly, steps, name)
    found = lookup(conn, hourly, {"city": "Washington", "time": "2012-12-25T10:01"})
    assert (found["partition"], found["predicted"]) == ("2012-12-25T05", 1.0)
    with pytest.raises(PublishingError) as caught:
        lookup(conn, hourly, {"city": "Washington", "time": "2012-12-25T11:00"})
    assert caught.value.looked == (
        "2012-12-25T06 is not published; nearest: 2012-12-25T05, 2012-12-25T09, 2012-12-24T23"
    )


@pytest.mark.parametrize(("day", "length"), [("2012-03-11", 23), ("2012-11-04", 25), ("2012-12-25", 24)])
def test_a_day_of_a_zone_that_changes_its_clocks_has_all_of_its_hours(conn, table, steps, day, length):
    zoned = replace(table, calendar=Calendar("day", "America/New_York"))
    partition = Partition.parse(day)
    first, after = zoned.calendar.window(partition)
    assert (after - first) == timedelta(hours=length)
    times = [first + timedelta(hours=number) for number in range(length)]
    steps.land(conn, zoned, [("Washington", time, 1.0) for time in times], partition=partition)
    assert [row[0] for row in steps.seen(conn, zoned, "time")] == times
    assert lookup(conn, zoned, {"city": "Washington", "time": times[-1]})["partition"] == partition.day


def test_days_of_a_zone_and_of_utc_do_not_mix_in_one_table(conn, table, steps):
    put(conn, table, steps, "2012-12-25")
    with pytest.raises(PublishingError, match="is not what is declared"):
        put(conn, replace(table, calendar=Calendar("hour")), steps, "2012-12-25T07")
