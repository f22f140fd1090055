"""Each task's log, as the UI shows it: what it did, on what, with which numbers, why it was skipped; no error on success."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition

LONGEST = 2000
FOLDED = "::group::Post Execute"
DAY, LEARNT, NEVER = (Partition.parse(day) for day in ("2014-02-04", "2012-03-10", "2014-02-05"))
"""Days of the forecast: one that is predicted, one that the champion has learnt from, and one that does not land."""


@dataclass(frozen=True)
class Log:
    """The log of one try of a task."""

    dag_id: str
    task_id: str
    state: str
    lines: list[dict[str, Any]]

    @property
    def shown(self) -> list[str]:
        """What a reader sees before anything is unfolded, of Landfall's own."""
        texts = [str(line["event"]) for line in self.lines]
        end = texts.index(FOLDED) if FOLDED in texts else len(texts)
        return [str(line["event"]) for line in self.lines[:end] if "landfall" in str(line.get("logger"))]

    @property
    def complaints(self) -> list[str]:
        """Lines that say that something is wrong."""
        return [
            f"{line.get('level')}: {line['event']}"
            for line in self.lines
            if line.get("level") in ("warning", "error", "critical") or "Could not read" in line["event"]
        ]


def logs(api: AirflowApi, dag_id: str, run_id: str) -> Iterator[Log]:
    """The logs of every task of a run that has begun."""
    for task in api.tasks(dag_id, run_id):
        if task["try_number"]:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
            which = {"full_content": True, "map_index": task["map_index"]}
            answer = api.http.get(path, params=which, headers={"Accept": "application/json"}).json()
            yield Log(dag_id, task["task_id"], task["state"], answer["content"])


@pytest.fixture(scope="module")
def api(stack: Any) -> AirflowApi:
    return AirflowApi(stack.settings)


@pytest.fixture(scope="module")
def ended(
    api: AirflowApi, landfall: Any, trained: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Log]:
    """(run, task) -> its log: of a day that is predicted, of one that is not, and of the training that made the champion."""
    folder = tmp_path_factory.mktemp("landed")
    runs = {}
    for name, day in (("day", DAY), ("learnt", LEARNT)):
        files = {each.feed: each.path for each in write_sample("bike_demand", folder, 1, day.day)}
        words = ("bike_demand/forecast", str(files["forecast"]), "--from", str(day), "--until", str(day))
        assert landfall("land", *words).returncode == 0
        runs[name] = ("bike_forecast", api.run_partition("bike_forecast", day))
    for dag_id, run_id in runs.values():
        api.wait(dag_id, run_id, lambda text: None)
    trainings = [run for run in api.list_runs("bike_training", state="success") if _promoted(api, run["dag_run_id"])]
    runs["training"] = ("bike_training", trainings[-1]["dag_run_id"])
    return {(name, log.task_id): log for name, (dag_id, run_id) in runs.items() for log in logs(api, dag_id, run_id)}


def _promoted(api: AirflowApi, run_id: str) -> bool:
    return any(
        task["task_id"] == "promote" and task["state"] == "success" for task in api.tasks("bike_training", run_id)
    )


def test_a_task_that_went_well_complains_of_nothing_and_has_no_line_that_nobody_reads(
    ended: dict[tuple[str, str], Log],
) -> None:
    assert len(ended) > 9
    assert {log.state for log in ended.values()} == {"success", "skipped"}
    assert {key: log.complaints for key, log in ended.items() if log.complaints} == {}

    lengths = {
        key: max(len(line) for each in log.lines for line in str(each["event"]).splitlines() or [""])
        for key, log in ended.items()
    }
    assert {key: length for key, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (
            ("day", "make_features"),
            "24 rows of features.bike_forecast/dt=2014-02-04 made from 1 object; 0 rows in quarantine, as the contract ",
        ),
        (("day", "publish"), " of predictions.bike_demand, 2014-02-04: 24 rows by version "),
        (("learnt", "publish"), "Skipped: "),
        (("training", "collect_features"), " that have landed can be learnt from, "),
        (("training", "train"), " of `bike_demand` is the challenger: it learnt from "),
        (("training", "judge"), "- passed: judged on "),
        (("training", "promote"), " of `bike_demand` serves from now on"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_a_task_says_what_it_did_with_numbers_where_nothing_is_folded(
    ended: dict[tuple[str, str], Log], task: tuple[str, str], said: str
) -> None:
    assert said in "\n".join(ended[task].shown)


def test_every_task_says_something_of_its_own(ended: dict[tuple[str, str], Log]) -> None:
    """But for a wait that found its partition there: nothing was waited for."""
    assert [key for key, log in ended.items() if not log.shown and key[1] != "wait_for_landing"] == []


def test_a_waiting_task_s_log_says_what_it_waits_for_and_nothing_else(api: AirflowApi) -> None:
    run, until = api.run_partition("bike_forecast", NEVER), time.monotonic() + 300
    try:
        while not (found := [log for log in logs(api, "bike_forecast", run) if log.state == "deferred" and log.shown]):
            assert time.monotonic() < until, f"no task of {run} waits"
            time.sleep(0.5)
        assert found[0].shown == [f"Waiting for `bike_sharing/forecast/dt={NEVER}/`"]
        assert found[0].complaints == []
    finally:
        path = f"/api/v2/dags/bike_forecast/dagRuns/{run}"
        api.http.patch(path, json={"state": "failed"})
        api.http.delete(path)
