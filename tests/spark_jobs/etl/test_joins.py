"""Joins of transforms, on a Spark of the test's own: by key and as of a time, every row kept once."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from landfall.errors import ComputeError
from landfall.testing import local_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="module")
def local() -> "Iterator[SparkSession]":
    with local_spark() as spark:
        yield spark


@pytest.fixture(scope="module")
def rides(local: "SparkSession") -> "DataFrame":
    rows = [("d1", "A", 8), ("d1", "A", 10), ("d1", "B", 9), ("d2", "A", 10), ("d2", None, 10)]
    return local.createDataFrame(
        [(dt, city, at(hour)) for dt, city, hour in rows], "dt string, city string, time timestamp"
    )


def at(hour: int) -> datetime:
    return datetime(2012, 12, 25, hour)


def weather(local: "SparkSession", *rows: tuple[Any, ...]) -> "DataFrame":
    return local.createDataFrame(list(rows), "dt string, city string, time timestamp, temp double")


def shown(frame: "DataFrame", *names: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.select(*names).collect()), key=str)


def test_by_key_keeps_every_row_and_joins_within_the_partition(local: "SparkSession", rides: "DataFrame") -> None:
    from spark_jobs.etl.joins import by_key

    other = weather(local, ("d1", "A", at(0), 1.0), ("d2", "A", at(0), 2.0)).drop("time")
    assert shown(by_key(rides, other, key="city"), "dt", "city", "temp") == [
        ("d1", "A", 1.0),
        ("d1", "A", 1.0),
        ("d1", "B", None),
        ("d2", "A", 2.0),
        ("d2", None, None),
    ]


def test_as_of_takes_the_newest_row_that_is_not_later(local: "SparkSession", rides: "DataFrame") -> None:
    from spark_jobs.etl.joins import as_of

    other = weather(
        local,
        ("d1", "A", at(9), 9.0),
        ("d1", "A", at(10), 10.0),
        ("d1", "A", at(11), 11.0),
        ("d1", "B", at(1), 1.0),
        ("d2", "A", at(7), None),
        ("d1", "A", None, 99.0),
    )
    joined = as_of(rides, other, time="time", key="city", prefix="weather_")
    assert joined.columns == ["dt", "city", "time", "weather_temp"]
    assert shown(joined, "dt", "city", "time", "weather_temp") == [
        ("d1", "A", at(10), 10.0),
        ("d1", "A", at(8), None),
        ("d1", "B", at(9), 1.0),
        ("d2", "A", at(10), None),
        ("d2", None, at(10), None),
    ]


def test_a_column_that_is_missing_or_there_already_is_named(local: "SparkSession", rides: "DataFrame") -> None:
    from spark_jobs.etl.joins import as_of, by_key

    with pytest.raises(ComputeError) as missing:
        by_key(rides, weather(local), key="town")
    assert str(missing.value) == (
        "The rows of a join lack the column `town`.\n  looked: columns: dt, city, time\n  left: nothing was written\n"
        "  next: mend Transform.arguments (key, time, prefix)"
    )
    with pytest.raises(ComputeError, match="The rows have a column `time` already"):
        by_key(rides, weather(local), key="city")
    with pytest.raises(ComputeError, match="The joined table of a join lack the column `time`"):
        as_of(rides, weather(local).drop("time"), time="time", key="city")
