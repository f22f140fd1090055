"""A stream as people use it: `landfall stream`, and its DAG in Airflow."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from landfall.pipelines.libsvm import LIBSVM_STREAM
from landfall.runs import AirflowApi
from landfall.streams import state

pytestmark = pytest.mark.usefixtures("stack")
NAME = LIBSVM_STREAM.name


def until(condition: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.5)


def test_a_stream_is_started_fed_watched_stopped_and_is_a_run_of_airflow(live: Any, landfall: Any) -> None:
    live.made.append(LIBSVM_STREAM)
    api = AirflowApi(live.settings)
    until(lambda: _known(api))
    until(lambda: _newest(api).get("state") != "running")
    before = _newest(api).get("dag_run_id")
    started = landfall("stream", "start", NAME, "--json")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        assert json.loads(started.stdout)["state"] == "running"
        until(lambda: _newest(api).get("dag_run_id") != before)
        run_id = _newest(api)["dag_run_id"]
        until(lambda: [task["state"] for task in api.tasks(NAME, run_id)] == ["deferred"])
        sent = landfall("stream", "send", NAME, "--rows", "300", "--rows-per-second", "0", "--json")
        assert json.loads(sent.stdout)["rows"] == 300, sent.stdout + sent.stderr
        until(lambda: _status(landfall)["rows"] >= 300)
        shown = _status(landfall)
        assert (shown["state"], shown["dead"], shown["lost"]) == ("running", 0, 0)
        assert shown["rows_per_second"] > 0
        plain = landfall("stream", "status", NAME)
        assert plain.returncode == 0
        assert "accuracy" in plain.stdout
        assert "label 1" in plain.stdout
        until(lambda: "is running" in _log(api, run_id))
    finally:
        stopped = landfall("stream", "stop", NAME, "--json")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    until(lambda: api.state(NAME, run_id) == "success")
    live.require_exactly_once(LIBSVM_STREAM, _status(landfall)["rows"])
    assert _status(landfall)["state"] == "stopped"


def test_ending_the_run_stops_the_stream(live: Any, landfall: Any) -> None:
    live.made.append(LIBSVM_STREAM)
    api = AirflowApi(live.settings)
    until(lambda: _known(api))
    until(lambda: _newest(api).get("state") != "running")
    before = _newest(api).get("dag_run_id")
    api.set_paused(NAME, False)
    try:
        until(lambda: _newest(api).get("dag_run_id") != before)
        run_id = _newest(api)["dag_run_id"]
        until(lambda: state.state_of(live.conn, NAME).state == "running")
        until(lambda: [task["state"] for task in api.tasks(NAME, run_id)] == ["deferred"])
        api.set_paused(NAME, True)
        api._call("PATCH", f"/api/v2/dags/{NAME}/dagRuns/{run_id}", json={"state": "failed"})
        until(lambda: state.state_of(live.conn, NAME).state == "stopped")
    finally:
        landfall("stream", "stop", NAME, "--json")


def test_a_stream_that_nobody_declared_is_named_with_the_nearest(landfall: Any) -> None:
    done = landfall("stream", "status", "libsvm_steam")
    assert done.returncode == 1
    assert "There is no stream `libsvm_steam`. Did you mean `libsvm_stream`?" in done.stderr


def test_a_share_of_more_than_one_is_a_wrong_command_line(landfall: Any) -> None:
    done = landfall("stream", "send", NAME, "--late", "2")
    assert done.returncode == 2
    assert "--late" in done.stderr


def _newest(api: AirflowApi) -> dict[str, Any]:
    return api.newest_run(NAME) or {}


def _known(api: AirflowApi) -> bool:
    return bool(api.http.get(f"/api/v2/dags/{NAME}").is_success)


def _status(landfall: Any) -> dict[str, Any]:
    [found] = json.loads(landfall("stream", "status", NAME, "--json").stdout)
    return dict(found)


def _log(api: AirflowApi, run_id: str) -> str:
    path = f"/api/v2/dags/{NAME}/dagRuns/{run_id}/taskInstances/run_stream/logs/1"
    return str(api.http.get(path).text)
