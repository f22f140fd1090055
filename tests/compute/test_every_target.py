"""One suite for every target: the same job gives the same rows, and the same fault the same words."""

from typing import Any

import pytest

from landfall.compute.local.warm import WarmSpark
from landfall.errors import ComputeError

COUNTED = {"rows": 24, "quarantined": 0}


@pytest.fixture(scope="module")
def rows(stack: Any, corner: Any) -> Any:
    """The rows of a table of the corner, in one order."""

    def read(table: str) -> list[tuple[Any, ...]]:
        from pyspark.sql import SparkSession

        session = SparkSession.builder.remote(stack.settings.spark_remote).create()
        found = session.read.format("delta").load(f"{stack.settings.lake}/{corner.name}/{table}")
        read = [tuple(row) for row in found.sort("time").collect()]
        session.stop()
        return read

    return read


@pytest.fixture(scope="module")
def expected(stack: Any, corner: Any, rows: Any) -> Any:
    """What the warm server makes of the day as it makes it of every day, in the session of small jobs."""
    where = WarmSpark(remote=stack.settings.spark_remote, lake=stack.settings.lake)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.settings.of_jobs.items():  # as a worker of Airflow has them
            patch.setenv(name, value)
        where.run(corner.features("expected"), small=True)
    return rows("expected")


def test_a_job_makes_the_same_rows_everywhere(place: Any, corner: Any, rows: Any, expected: Any) -> None:
    report = place.run(corner.features(place.name))
    assert {name: report[name] for name in COUNTED} == COUNTED
    assert rows(place.name) == expected


def test_what_a_job_says_of_its_input_is_the_same_error_everywhere(place: Any, corner: Any) -> None:
    staged = ["--stages", "2012-12-25=publications_data.none#1"]
    features = ["--features", f"{corner.name}.none/dt=2012-12-25"]
    with pytest.raises(ComputeError) as refused:
        place.run(
            [
                "predictions",
                "--key",
                "time",
                "--predicted",
                "predicted",
                *features,
                "--model",
                "m",
                "--model-version",
                "1",
                *staged,
            ]
        )
    assert str(refused.value) == (
        f"The table `{corner.name}.none` does not exist.\n"
        f"  looked: {place.settings.lake}/{corner.name}/none\n"
        "  left: nothing was written\n"
        "  next: land its files and run the DAG that makes it"
    )


def test_what_spark_says_is_the_same_line_everywhere(place: Any, corner: Any) -> None:
    staged = ["--stages", "2012-12-25=publications_data.none#1"]
    features = ["--features", f"{corner.name}.none/dt=2012-12-25", "--catalog", "nowhere"]
    with pytest.raises(ComputeError) as refused:
        place.run(
            [
                "predictions",
                "--key",
                "time",
                "--predicted",
                "predicted",
                *features,
                "--model",
                "m",
                "--model-version",
                "1",
                *staged,
            ]
        )
    assert refused.value.what == (
        "The Spark job `predictions` failed: [REQUIRES_SINGLE_PART_NAMESPACE] spark_catalog requires a "
        f"single-part namespace, but got `nowhere`.`{corner.name}`. SQLSTATE: 42K05"
    )
    assert refused.value.left == "its partitions are as they were before, what was published stays"


@pytest.mark.parametrize("target", ["elsewhere", "databricks"])
def test_a_job_that_dies_without_a_word_is_the_same_error_everywhere(
    target: str, request: pytest.FixtureRequest, corner: Any
) -> None:
    place = request.getfixturevalue(target)
    with pytest.raises(ComputeError) as died:
        place.run(["features"])  # its options are missing, so it ends before it knows where to tell
    assert died.value.what == "The Spark job `features` did not finish."
    assert died.value.left == "its partitions are as they were before, what was published stays"
    assert died.value.looked.startswith(f"target {place.name}, landfall-bike_forecast-score-")
