"""Runs as Airflow makes them and tells of them: a backfill of its own, the form, `airflow dags test`; over days of June 2016."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest
from airflow.models import DagRun, TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from landfall.ledger.survey import survey
from landfall.objects.client import connect
from landfall.orchestration.airflow_patches.dags_test import _give_back
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition

Landfall = Callable[..., "CompletedProcess[str]"]
Json = dict[str, Any]
FEED, DAG = "bike_demand/forecast", "bike_forecast"
DAYS, NAMED, BROKEN, TESTED = ["2016-06-01", "2016-06-02"], "2016-06-04", "2016-06-05", "2016-06-06"
pytestmark = pytest.mark.usefixtures("trained")


@dataclass(frozen=True)
class June:
    """The sample of June 2016, and Airflow."""

    stack: Any
    file: Path
    api: AirflowApi

    def land(self, *days: str, edit: Callable[[str], str] = lambda text: text) -> None:
        """The forecasts of `days`, each as an object of its own, the lines edited."""
        header, *lines = self.file.read_text().splitlines()
        s3 = self.stack.settings.s3
        client: Any = connect(s3)
        for day in days:
            text = "\n".join([header, *(edit(line) for line in lines if f",{day}," in line)]) + "\n"
            client.put_object(Bucket=s3.bucket, Key=f"bike_sharing/forecast/dt={day}/hours.csv", Body=text.encode())

    def publications(self) -> dict[str, int | None]:
        """The publication that readers see, by day."""
        found = survey(self.stack.settings, BIKE_DEMAND, FORECAST, since=Partition.parse(DAYS[0]).start).partitions
        return {str(facts.partition): facts.made.publication if facts.made else None for facts, _ in found}

    def backfill(self, **form: str) -> list[Json]:
        """Airflow's own backfill of `DAYS`, as the form of the UI asks for it; its runs when they have succeeded."""
        body = {"dag_id": DAG, "from_date": f"{DAYS[0]}T00:00:00Z", "to_date": f"{DAYS[-1]}T00:00:00Z",
                "reprocess_behavior": "completed", "max_active_runs": 2, "run_backwards": False,
                "dag_run_conf": form}  # fmt: skip
        until, made = time.monotonic() + 600, self.api.http.post("/api/v2/backfills", json=body)
        while made.status_code == 409:  # Airflow makes one backfill of a DAG at a time
            assert time.monotonic() < until, made.text
            time.sleep(2)
            made = self.api.http.post("/api/v2/backfills", json=body)
        assert made.is_success, made.text
        runs = self.api.runs(DAG, *(Partition.parse(day) for day in DAYS))
        for run in runs:
            self.api.wait(DAG, run["dag_run_id"], lambda _: None, patience=600)
        return self.api.runs(DAG, *(Partition.parse(day) for day in DAYS))

    def wait_of(self, run_id: str) -> Json:
        """The task that waited for the landing."""
        return next(task for task in self.api.tasks(DAG, run_id) if task["task_id"] == "wait_for_landing")


@pytest.fixture(scope="module")
def june(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> June:
    """The days that lie in S3: those of the backfill, and the one that its form names."""
    files = write_sample("bike_demand", tmp_path_factory.mktemp("june"), 6, date(2016, 6, 6))
    one = June(stack, next(each.path for each in files if each.feed == "forecast"), AirflowApi(stack.settings))
    one.land(*DAYS, NAMED)
    return one


@pytest.fixture(scope="module")
def backfilled(june: June) -> list[Json]:
    """The runs of a backfill in whose form somebody has named a day."""
    return june.backfill(day=NAMED)


def test_the_runs_of_a_backfill_make_the_days_of_its_range_whatever_its_form_says(
    june: June, backfilled: list[Json]
) -> None:
    made = june.publications()
    assert [made[day] is not None for day in DAYS] == [True, True]
    assert made[NAMED] is None
    for run, day in zip(backfilled, DAYS, strict=True):
        [features] = [each for each in june.api.tasks(DAG, run["dag_run_id"]) if each["task_id"] == "make_features"]
        assert f"features.bike_forecast/dt={day}" in features["rendered_fields"]["argv"]


def test_a_run_of_a_backfill_is_named_and_labelled_by_its_day(backfilled: list[Json]) -> None:
    told = [(run["dag_run_id"], run["run_after"], run["logical_date"]) for run in backfilled]
    assert told == [(f"backfill__{day}T00:00:00+00:00", f"{day}T00:00:00Z", f"{day}T00:00:00Z") for day in DAYS]


def test_a_run_whose_data_were_there_has_no_deadline_and_says_nothing_of_one(
    june: June, backfilled: list[Json]
) -> None:
    for run in backfilled:
        page = june.api.http.get(f"/ui/dags/{DAG}/dagRuns/{run['dag_run_id']}/deadlines")
        assert page.is_success, page.text
        assert page.json()["deadlines"] == []
    alerts = june.api.http.get(f"/ui/dags/{DAG}/deadlineAlerts")
    assert alerts.json()["deadline_alerts"] == []


@pytest.mark.parametrize("again", ["a second backfill", "a clear"])
def test_a_wait_that_begins_again_ends_after_it_began(june: June, backfilled: list[Json], again: str) -> None:
    run_id = backfilled[0]["dag_run_id"]
    first = june.wait_of(run_id)
    if again == "a clear":
        path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/clear"
        assert june.api.http.post(path, json={"dry_run": False, "only_failed": False}).is_success
        june.api.wait(DAG, run_id, lambda _: None, patience=600)
    else:
        assert [run["dag_run_id"] for run in june.backfill()] == [run["dag_run_id"] for run in backfilled]
    second = june.wait_of(run_id)
    assert second["try_number"] == first["try_number"] + 1
    assert first["end_date"] < second["start_date"] <= second["end_date"]
    assert second["duration"] >= 0


def test_a_run_of_the_form_that_fails_is_found_by_explain_and_status(june: June, landfall: Landfall) -> None:
    june.land(BROKEN, edit=lambda line: "rubbish")
    run_id = june.api.trigger(DAG, conf={"day": BROKEN})
    while june.api.state(DAG, run_id) not in ("success", "failed"):
        time.sleep(0.5)
    [told] = json.loads(landfall("explain", FEED, BROKEN, "--json").stdout)
    assert told["run"] == f"{DAG} {run_id} (failed)"
    assert (told["state"], told["run_state"]) == ("failed", "failed")
    stood = survey(june.stack.settings, BIKE_DEMAND, FORECAST, since=Partition.parse(BROKEN).start).partitions
    assert {str(facts.partition): facts.run and facts.run.run_id for facts, _ in stood}[BROKEN] == run_id


def airflow(june: June, *words: str) -> "CompletedProcess[str]":
    """Airflow's own command line, on the stack."""
    clean = {name: value for name, value in os.environ.items() if name not in june.stack.env}
    return subprocess.run(
        [sys.executable, "-m", "airflow", *words],
        capture_output=True, text=True, check=False, timeout=900, env={**clean, **june.stack.env},
    )  # fmt: skip


def test_airflow_dags_test_publishes_a_day_and_ends_well(june: June) -> None:
    june.land(TESTED)
    done = airflow(june, "dags", "test", DAG, TESTED)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert june.publications()[TESTED] is not None


@pytest.mark.usefixtures("backfilled")
def test_of_the_tasks_that_a_scheduler_hands_to_a_worker_those_of_a_test_are_given_back(june: June) -> None:
    """In a transaction that is rolled back: a test's run that does not compete with anything, and runs of a backfill."""
    engine = create_engine(june.stack.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with Session(engine) as session, session.begin() as transaction:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == DAG).order_by(DagRun.id.desc())).first()
        assert run is not None
        run.triggered_by = DagRunTriggeredByType.TEST
        session.flush()
        chosen = list(session.scalars(select(TaskInstance).where(TaskInstance.dag_id == DAG)))
        tested = {each.id for each in chosen if each.run_id == run.run_id}
        assert 0 < len(tested) < len(chosen)
        assert _give_back(chosen, session) == tested
        again = select(TaskInstance.id).where(TaskInstance.dag_id == DAG, TaskInstance.state == "scheduled")
        assert set(session.scalars(again)) == tested
        transaction.rollback()


def test_airflow_dags_trigger_for_a_day_that_has_a_run_says_which_and_what_to_do(
    june: June, backfilled: list[Json]
) -> None:
    run_id, day = backfilled[0]["dag_run_id"], DAYS[0]
    done = airflow(june, "dags", "trigger", DAG, "--logical-date", f"{day}T00:00:00+00:00")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.strip().endswith(
        f"`{DAG}` already has a run of {day} 00:00 UTC: `{run_id}` (success).\n"
        "  looked: Airflow's database: a DAG has one run of a logical date\n"
        "  left: nothing was started\n"
        f"  next: landfall backfill {FEED} --from {day} --to {day}    (runs it again)"
    )
    assert len(june.api.runs(DAG, Partition.parse(day), Partition.parse(day))) == 1


def test_marking_and_deleting_a_run_changes_nothing_that_readers_see(june: June, backfilled: list[Json]) -> None:
    run_id, day, seen = backfilled[1]["dag_run_id"], DAYS[1], june.publications()
    path = f"{june.stack.settings.airflow_url}/api/v2/dags/{DAG}/dagRuns/{run_id}"
    passwords = json.loads((june.stack.home / "airflow-passwords.json").read_text())
    asked = {"username": "admin", "password": passwords["admin"]}
    with httpx.Client(timeout=60) as http:
        signed_in = http.post(f"{june.stack.settings.airflow_url}/auth/token", json=asked).raise_for_status()
        http.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        http.patch(path, json={"state": "failed"}).raise_for_status()
        assert june.publications() == seen
        http.delete(path).raise_for_status()
    assert june.api.runs(DAG, Partition.parse(day), Partition.parse(day)) == []
    stood = survey(june.stack.settings, BIKE_DEMAND, FORECAST, only=Partition.parse(day)).partitions
    assert (june.publications(), [standing.state for _, standing in stood]) == (seen, ["published"])
