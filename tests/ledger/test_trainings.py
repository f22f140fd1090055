"""A training that a server made fail is started again; one that gave up by itself, or that another followed, is not."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from landfall.ledger.trainings import restart_of
from landfall.pipelines.bike_demand import TRAINING
from landfall.runs import AirflowApi

Connection = psycopg.Connection[tuple[Any, ...]]
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
PAUSE = timedelta(minutes=5)


def airflow(state: str = "failed", try_number: int = 5, ended: datetime = NOON, run_id: str = "scheduled__1") -> Any:
    """The newest run of the training as Airflow tells it, whose `train` failed at its `try_number`th try of five."""
    run = {"dag_run_id": run_id, "state": state, "end_date": ended.isoformat(), "logical_date": None}
    tasks = [
        {"task_id": "decide", "state": "success", "try_number": 1, "max_tries": 4},
        {"task_id": "train", "state": "failed", "try_number": try_number, "max_tries": 4},
        {"task_id": "judge", "state": "upstream_failed", "try_number": 0, "max_tries": 4},
    ]
    return SimpleNamespace(newest_run=lambda _: run, tasks=lambda *_: tasks)


def restart(conn: Connection, api: Any, later: timedelta = PAUSE) -> Any:
    return restart_of(conn, api, TRAINING, NOON + later, restart_after=PAUSE)


def test_a_training_that_used_all_its_tries_is_started_again_after_a_pause_and_once(conn: Connection) -> None:
    api = airflow(run_id="a")
    assert restart(conn, api, PAUSE - timedelta(seconds=1)) is None
    start = restart(conn, api)
    assert (start.dag_id, start.run_id, start.logical_date, start.reason) == ("bike_training", "a", None, "failed")
    assert start.why == "a did not finish (attempt 1)"
    assert restart(conn, api) is None


def test_each_further_pause_is_twice_as_long(conn: Connection) -> None:
    assert restart(conn, airflow(run_id="b")).why == "b did not finish (attempt 1)"
    conn.execute("UPDATE landfall.claims SET claimed_at = claimed_at - interval '1 hour' WHERE partition = 'b'")
    assert restart(conn, airflow(run_id="b"), 2 * PAUSE - timedelta(seconds=1)) is None
    assert restart(conn, airflow(run_id="b"), 2 * PAUSE).why == "b did not finish (attempt 2)"


@pytest.mark.parametrize("api", [airflow(try_number=1), airflow("success"), airflow("running")])
def test_one_that_gave_up_by_what_it_learnt_from_or_did_not_fail_is_left(conn: Connection, api: Any) -> None:
    assert restart(conn, api, timedelta(days=7)) is None


def test_airflow_tells_of_tries_what_is_asked_of_it(stack: Any, trained: None) -> None:
    api = AirflowApi(stack.settings)
    run = api.newest_run(TRAINING.dag_id)
    assert run is not None
    assert {"dag_run_id", "state", "end_date", "logical_date"} <= set(run)
    assert all(
        {"state", "try_number", "max_tries"} <= set(task) for task in api.tasks(TRAINING.dag_id, run["dag_run_id"])
    )
    assert api.newest_run("deploy_model") is None or api.newest_run("deploy_model")["state"]  # type: ignore[index]
