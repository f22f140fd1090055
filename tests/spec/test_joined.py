"""Which partitions of another table a partition joins, across grains and time zones, and that nonsense is refused."""

from dataclasses import replace

import pytest

from landfall.errors import SpecError
from landfall.pipelines.bike_hourly import SNAPSHOTS
from landfall.pipelines.bike_weather import DAYS, HOURS
from landfall.spec import Calendar, Joined, Partition, PredictionTable, Transform
from landfall.spec.joined import joined_from_json, joined_to_json

BY_KEY = "spark_jobs.etl.joins:by_key"
HOURLY = PredictionTable(
    name="published.hours", columns={"time": "timestamptz"}, key=("time",), calendar=Calendar("hour", "America/New_York")
)  # fmt: skip


@pytest.mark.parametrize(
    ("joined", "calendar", "partition", "needs"),
    [
        (Joined(table=DAYS), Calendar("hour"), "2012-12-25T04", "2012-12-24"),  # 23:00 the day before in Washington
        (Joined(table=DAYS), Calendar("hour"), "2012-12-25T05", "2012-12-25"),
        (Joined(table=DAYS), Calendar("day"), "2012-12-25", "2012-12-24..2012-12-25"),
        (Joined(table=DAYS), Calendar("day", "America/New_York"), "2012-12-25", "2012-12-25"),
        (Joined(table=DAYS, since=1, until=1), Calendar("hour"), "2012-12-25T05", "2012-12-24"),
        (Joined(table=DAYS, since=7, until=1), Calendar("day", "America/New_York"), "2012-03-01", "2012-02-23..2012-02-29"),
        (Joined(table=HOURLY), Calendar("hour", "America/New_York"), "2012-11-04T01", "2012-11-04T01"),  # comes twice
        (Joined(table=HOURLY, since=1), Calendar("hour", "America/New_York"), "2012-03-11T03", "2012-03-11T03"),
    ],
)  # fmt: skip
def test_a_partition_needs_those_that_hold_its_moments(
    joined: Joined, calendar: Calendar, partition: str, needs: str
) -> None:
    assert str(joined.needs(Partition.parse(partition), calendar)) == needs


def test_what_is_joined_travels_to_the_job_as_text() -> None:
    tables = {"days": Joined(table=DAYS, since=2, until=1), "hours": Joined(table=HOURLY)}
    assert joined_from_json(joined_to_json(tables)) == tables


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(SpecError) as refused:
        Joined(table=DAYS, until=1)
    assert str(refused.value) == (
        "Joined partitions of `published.bike_weather` begin 0 and end 1 partitions earlier.\n"
        "  looked: expected 0 <= until <= since"
    )


def test_a_feed_does_not_wait_for_itself() -> None:
    own = Transform(function=BY_KEY, arguments={"key": ""}, tables={"other": Joined(table=DAYS)})
    with pytest.raises(SpecError, match=r"joins `published.bike_weather`, which it publishes itself"):
        replace(HOURS, transform=own)
    earlier = replace(own, tables={"other": Joined(table=DAYS, since=1, until=1)})
    assert replace(HOURS, transform=earlier).joined


def test_a_table_is_a_parameter_of_the_function() -> None:
    with pytest.raises(
        SpecError, match=r"There is no parameter of the transform `spark_jobs.etl.joins:by_key` `others`"
    ):
        Transform(function=BY_KEY, arguments={"key": ""}, tables={"others": Joined(table=DAYS)})
    with pytest.raises(SpecError, match="has no `other`"):
        Transform(function=BY_KEY, arguments={"key": ""})
    with pytest.raises(SpecError, match=r"The parameter `other` of `spark_jobs.etl.joins:by_key` is both"):
        Transform(function=BY_KEY, arguments={"key": "", "other": ""}, tables={"other": Joined(table=DAYS)})


def test_only_a_feed_that_joins_says_so_to_its_job() -> None:
    assert "tables" not in SNAPSHOTS.features.arguments
    joins = Transform(function=BY_KEY, arguments={"key": ""}, tables={"other": Joined(table=DAYS)})
    feed = replace(SNAPSHOTS, transform=joins)
    assert joined_from_json(feed.features.arguments["tables"]) == joins.tables
    assert {table: str(days) for table, days in feed.needs(Partition.parse("2012-12-25T04")).items()} == {
        "published.bike_weather": "2012-12-24"
    }
