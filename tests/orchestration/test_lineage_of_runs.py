"""The lineage events that a run of the real Airflow leaves: the run's own, those of its tasks, and what they say."""

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from landfall.models.registry import champion_version
from landfall.pipelines.bike_demand import TRAINING
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition, Settings

DAY = Partition.parse("2014-06-11")
"""A day that no other test publishes, later than every day that a test trains on."""
WORKED = ["make_features", "publish"]
"""The tasks that a worker runs. The triggerer begins and ends `wait_for_landing`, and tells no listener."""
Json = dict[str, Any]
Landfall = Callable[..., "CompletedProcess[str]"]


class Stack(Protocol):
    """The suite's stack, as far as this test asks it."""

    home: Path

    @property
    def settings(self) -> Settings: ...


@pytest.fixture
def landed(stack: Stack, landfall: Landfall, tmp_path: Path) -> None:
    """There is a champion, and the forecast of `DAY` has landed."""
    commands = []
    if champion_version(stack.settings, TRAINING.model) is None:
        actuals, _ = write_sample("bike_demand", tmp_path, 24, date(2012, 6, 24))
        commands += [("land", "bike_demand/actuals", str(actuals.path)), ("train", "bike_demand")]
    files = {each.feed: each.path for each in write_sample("bike_demand", tmp_path / "june", 3, date(2014, 6, 9))}
    commands += [("land", "bike_demand/forecast", str(files["forecast"]), "--from", str(DAY), "--until", str(DAY))]
    for command in commands:
        done = landfall(*command)
        assert done.returncode == 0, done.stdout + done.stderr


def events(stack: Stack, run_id: str, since: datetime) -> list[Json]:
    """The events of one run and of its tasks, in the order of their times."""
    written = [
        json.loads(line)
        for file in (stack.home / "logs" / "openlineage").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    ours = [each for each in written if run_of(each) == ("bike_forecast", run_id)]
    return sorted((each for each in ours if moment(each) >= since), key=moment)


def run_of(event: Json) -> tuple[str, str] | None:
    facets = event["run"]["facets"]
    told = facets.get("airflow") or facets.get("airflowDagRun") or {}
    return (told["dagRun"]["dag_id"], told["dagRun"]["run_id"]) if told else None


def moment(event: Json) -> datetime:
    return datetime.fromisoformat(event["eventTime"])


def ended(found: list[Json]) -> dict[str, Json]:
    """Task -> its COMPLETE event; the run's own is under the empty name."""
    return {each["job"]["name"].partition(".")[2]: each for each in found if each["eventType"] == "COMPLETE"}


def names(datasets: list[Json]) -> list[tuple[str, str]]:
    return [(each["namespace"], each["name"]) for each in datasets]


@pytest.mark.usefixtures("trained", "landed")
def test_a_run_leaves_events_with_inputs_outputs_and_the_model_version(stack: Stack) -> None:
    api, since = AirflowApi(stack.settings), datetime.now(UTC)
    run_id = api.run_partition("bike_forecast", DAY)
    api.wait("bike_forecast", run_id, lambda _: None, patience=600)
    until = time.monotonic() + 300
    while "" not in ended(found := events(stack, run_id, since)) and time.monotonic() < until:
        time.sleep(0.5)  # the scheduler tells the end of a run in a process of its own
    done = ended(found)

    assert {each["job"]["namespace"] for each in found} == {"landfall"}
    assert set(done) == {"", *WORKED}
    started = {each["job"]["name"].partition(".")[2] for each in found if each["eventType"] == "START"}
    assert started == {"", *WORKED}
    states = done[""]["run"]["facets"]["airflowState"]["tasksState"]
    assert states == dict.fromkeys(["wait_for_landing", *WORKED], "success")
    parents = {done[task]["run"]["facets"]["parent"]["run"]["runId"] for task in WORKED}
    assert parents == {done[""]["run"]["runId"]}

    published = api.xcom("bike_forecast", run_id, "publish")
    lake, place = f"s3://{stack.settings.s3.bucket}", urlsplit(stack.settings.database_url)
    postgres = f"postgres://{place.hostname}:{place.port}"
    model = ("mlflow", f"models:/bike_demand/{published['model_version']}")
    assert {task: (names(done[task]["inputs"]), names(done[task]["outputs"])) for task in WORKED} == {
        "make_features": ([(lake, "bike_sharing/forecast")], [(lake, "features/bike_forecast")]),
        "publish": ([(lake, "features/bike_forecast"), model], [(postgres, "landfall.predictions.bike_demand")]),
    }
    told = done["publish"]["run"]["facets"]["landfall_provenance"]
    assert (told["pipeline"], told["feed"], told["partition"]) == ("bike_demand", "forecast", str(DAY))
    assert told["modelVersion"] == published["model_version"]
    assert told["publication"] == str(published["publication"])
    [table] = done["publish"]["outputs"]
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 24
    assert table["facets"]["version"]["datasetVersion"] == str(published["publication"])
