"""The warm Spark server as a compute target: jobs run on it, and its absence and failures are told."""

import uuid
from typing import Any

import pytest

from landfall.compute.local.warm import WarmSpark
from landfall.errors import ComputeError
from landfall.spec.jobs import JOBS


@pytest.fixture
def target(stack: Any) -> WarmSpark:
    return WarmSpark(remote=stack.settings.spark_remote, lake=stack.settings.lake)


def test_a_server_that_is_away_is_said_before_anything_starts(closed_port: int) -> None:
    with pytest.raises(ComputeError) as refused:
        WarmSpark(remote=f"sc://127.0.0.1:{closed_port}", lake="s3a://lake").run(["features"])
    assert str(refused.value) == (
        "The Spark job `features` could not start: Spark does not answer.\n"
        f"  looked: sc://127.0.0.1:{closed_port} ([Errno 111] Connection refused)\n"
        "  left: nothing was written, what was published stays\n"
        "  next: landfall ps"
    )


def test_a_job_that_does_not_exist_is_named(target: WarmSpark) -> None:
    with pytest.raises(ComputeError) as refused:
        target.run(["feature"])
    assert str(refused.value) == (
        f"There is no Spark job `feature`. Did you mean `features`?\n  looked: known: {', '.join(JOBS)}"
    )


def predictions(nowhere: str) -> list[str]:
    features = f"{nowhere}.features/dt=2012-12-25"
    staged = ["--stages", "2012-12-25=publications_data.none#1"]
    return [
        "predictions",
        "--key",
        "time",
        "--predicted",
        "predicted",
        "--features",
        features,
        "--model",
        "m",
        "--model-version",
        "1",
        *staged,
    ]


def test_what_the_job_itself_says_comes_out_as_it_is(target: WarmSpark) -> None:
    nowhere = f"test_{uuid.uuid4().hex[:8]}"
    with pytest.raises(ComputeError) as refused:
        target.run(predictions(nowhere))
    assert str(refused.value) == (
        f"The table `{nowhere}.features` does not exist.\n"
        f"  looked: {target.lake}/{nowhere}/features\n"
        "  left: nothing was written\n"
        "  next: land its files and run the DAG that makes it"
    )


def test_what_spark_says_is_one_line_of_the_message(target: WarmSpark) -> None:
    with pytest.raises(ComputeError) as refused:
        target.run([*predictions("nowhere"), "--catalog", "nowhere"])
    told = refused.value
    assert told.what == (
        "The Spark job `predictions` failed: [REQUIRES_SINGLE_PART_NAMESPACE] spark_catalog requires a "
        "single-part namespace, but got `nowhere`.`nowhere`. SQLSTATE: 42K05"
    )
    assert told.left == "its partitions are as they were before, what was published stays"
    assert told.next == "landfall logs spark"


def test_a_failed_job_does_not_stop_the_next(target: WarmSpark) -> None:
    for _ in range(2):
        with pytest.raises(ComputeError, match=r"^The table `nowhere\.features` does not exist\."):
            target.run(predictions("nowhere"))
