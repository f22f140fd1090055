"""Two triggerers on one stack: when the one that holds a wait is killed, the other goes on with it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg
import pytest

from landfall.objects.client import connect
from landfall.pipelines.bike_demand import FORECAST
from landfall.runs import AirflowApi
from landfall.spec import Partition, Settings
from landfall.stack.variables import for_servers

DAY = Partition(date(2014, 6, 1))
"""A day that no other test lands."""
DAG = "bike_forecast"


class Stack(Protocol):
    """The suite's stack, as far as this test asks it."""

    home: Path

    @property
    def env(self) -> dict[str, str]: ...
    @property
    def settings(self) -> Settings: ...
    def ps(self) -> list[dict[str, object]]: ...


def until(true: Callable[[], Any], what: str, seconds: float = 600) -> Any:
    """Ask twice a second until the answer is true; the answer."""
    end = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < end, f"{what}: not after {seconds:.0f} s"
        time.sleep(0.5)
    return answer


def triggerers(stack: Stack) -> list[int]:
    """The numbers of the triggerers that have sent a heartbeat, newest first."""
    url = stack.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with psycopg.connect(url) as rows:
        found = rows.execute("SELECT id FROM job WHERE job_type = 'TriggererJob' ORDER BY id DESC").fetchall()
    return [number for (number,) in found]


def kill(pid: int) -> None:
    """Kill -9 a triggerer: its supervisor and its runner."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)


@pytest.fixture
def second(stack: Stack) -> Iterator[tuple[int, int]]:
    """Another triggerer beside the stack's: its pid, and its number in Airflow."""
    known = triggerers(stack)
    command = [sys.executable, "-m", "landfall.stack.airflow", "triggerer", "--skip-serve-logs"]
    with (stack.home / "logs" / "second_triggerer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=for_servers(stack.env), start_new_session=True)
    try:
        yield process.pid, until(lambda: [n for n in triggerers(stack) if n not in known], "a second triggerer")[0]
    finally:
        kill(process.pid)
        process.wait(30)


@pytest.fixture
def run_id(stack: Stack, second: tuple[int, int]) -> Iterator[str]:
    """A run that waits for a day; it and what has landed for it are taken away again."""
    api, bucket, folder = AirflowApi(stack.settings), stack.settings.s3.bucket, FORECAST.landing.folder(DAY)
    store: Any = connect(stack.settings.s3)
    run = api.run_partition(DAG, DAY)
    try:
        yield run
    finally:
        store.delete_object(Bucket=bucket, Key=f"{folder}hours.csv")
        api.http.patch(f"/api/v2/dags/{DAG}/dagRuns/{run}", json={"state": "failed"}).raise_for_status()


def test_a_wait_goes_on_in_the_other_triggerer_when_the_one_that_holds_it_is_killed(
    stack: Stack, second: tuple[int, int], run_id: str
) -> None:
    api = AirflowApi(stack.settings)
    store: Any = connect(stack.settings.s3)

    def task(name: str) -> dict[str, Any]:
        return next(each for each in api.tasks(DAG, run_id) if each["task_id"] == name)

    def holder() -> int | None:
        waiting = task("wait_for_landing")
        return (waiting["triggerer_job"] or {}).get("id") if waiting["state"] == "deferred" else None

    pid, number = second
    first = int(str(next(part["pid"] for part in stack.ps() if part["name"] == "triggerer")))
    held_by = until(holder, "the wait is in a triggerer")
    time.sleep(3)  # until it has listed once
    kill(pid if held_by == number else first)

    key = f"{FORECAST.landing.folder(DAY)}hours.csv"
    store.put_object(Bucket=stack.settings.s3.bucket, Key=key, Body=BytesIO(b"1"), ContentType="text/csv")

    # The dead one's waits are given away when its heartbeat is half a minute old.
    until(lambda: task("wait_for_landing")["state"] == "success", "the wait ends")
    until(lambda: task("make_features")["state"] is not None, "the run goes on")
    assert json.dumps(task("wait_for_landing")["try_number"]) in ("0", "1")
