"""What stops automatic runs, on a real Airflow: backfills over gaps, cancelled and waiting ones, a paused DAG, a strange key.

One story over days of January 2016, in which every step finds what the one before has left.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from landfall.cli.partitions import as_json
from landfall.ledger.survey import survey
from landfall.objects.client import connect
from landfall.orchestration.steps import audit as auditing
from landfall.pipelines.bike_demand import ACTUALS, BIKE_DEMAND, FORECAST
from landfall.runs import AirflowApi
from landfall.runs.backfills import Backfill
from landfall.samples import write_sample
from landfall.spec import Partition

FEED, DAG = "bike_demand/forecast", "bike_forecast"
Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("trained")


def day(number: int) -> str:
    return f"2016-01-{number:02}"


class January:
    """The forecasts of January 2016, the runs of their DAG, and where its partitions stand."""

    def __init__(self, stack: Any, landfall: Callable[..., "CompletedProcess[str]"], folder: Path) -> None:
        self.stack, self.landfall, self.api = stack, landfall, AirflowApi(stack.settings)
        files = write_sample("bike_demand", folder, 31, date(2016, 1, 31))
        self.file = next(each.path for each in files if each.feed == "forecast")
        self.store: Any = connect(stack.settings.s3)

    def put(self, key: str, text: str) -> None:
        self.store.put_object(Bucket=self.stack.settings.s3.bucket, Key=key, Body=text.encode())

    def land(self, number: int, last_column: str = "") -> None:
        """One day's forecast; with another value in its last column it replaces what is there."""
        header, *lines = self.file.read_text().splitlines()
        mine = [line for line in lines if f",{day(number)}," in line]
        lines = [line.rsplit(",", 1)[0] + "," + last_column for line in mine] if last_column else mine
        self.put(f"bike_sharing/forecast/dt={day(number)}/hours.csv", "\n".join([header, *lines]) + "\n")

    def standing(self, number: int) -> Json:
        """Where a day stands, as `landfall status --json` tells it."""
        found = survey(self.stack.settings, BIKE_DEMAND, FORECAST).partitions
        return next(as_json(*each) for each in found if str(each[0].partition) == day(number))

    def told(self, *words: str, code: int = 0) -> tuple[Any, str]:
        """What a command answered with --json, and its stderr."""
        done = self.landfall(*words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout), done.stderr

    def backfill(self, first: int, last: int, slots: int) -> Backfill:
        """A backfill as a person starts one in the UI; once Airflow takes one more."""
        body = {
            "dag_id": DAG, "from_date": f"{day(first)}T00:00:00Z", "to_date": f"{day(last)}T00:00:00Z",
            "reprocess_behavior": "completed", "max_active_runs": slots,
        }  # fmt: skip
        until("no backfill is under way", lambda: all(each.ended for each in self.api.backfills(DAG)))
        return Backfill.of(self.api.http.post("/api/v2/backfills", json=body).raise_for_status().json())

    def cancel(self, backfill: Backfill) -> None:
        self.api.http.put(f"/api/v2/backfills/{backfill.number}/cancel").raise_for_status()

    def runs(self, number: int) -> list[Json]:
        partition = Partition.parse(day(number))
        return self.api.runs(DAG, partition, partition)

    def pause(self, dag_id: str, paused: bool) -> None:
        self.api.http.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": paused}).raise_for_status()

    def audit(self, *numbers: int, after: dict[int, int | None]) -> None:
        """The audit at work, until each of the days has a newer publication than before."""
        self.pause("landing_audit", False)
        try:
            self.api.trigger("landing_audit")
            for number in numbers:
                until(f"{day(number)} is published", lambda number=number: self.is_newer(number, after))  # type: ignore[misc]
        finally:
            self.pause("landing_audit", True)

    def is_newer(self, number: int, after: dict[int, int | None]) -> bool:
        stood = self.standing(number)
        return stood["state"] == "published" and stood["publication"] != after.get(number)

    def published(self, *numbers: int) -> dict[int, int | None]:
        return {number: self.standing(number)["publication"] for number in numbers}


def until(what: str, true: Callable[[], bool], patience: float = 600) -> None:
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, f"{what}: not after {patience:.0f} s"
        time.sleep(1)


@pytest.fixture(scope="module")
def january(stack: Any, landfall: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[January]:
    made = January(stack, landfall, tmp_path_factory.mktemp("january"))
    for number in (10, 11, 14, 16):
        made.land(number)
    yield made
    for run in made.api.list_runs(DAG, state=["queued", "running"], logical_date_lt="2016-02-01T00:00:00Z"):
        if run["logical_date"] >= "2016-01-01":
            made.api.give_up(DAG, run["dag_run_id"], "a test is over")


def test_after_a_backfill_over_gaps_what_is_replaced_or_lands_later_runs_by_itself(january: January) -> None:
    before = {each.number for each in january.api.backfills(DAG)}
    told, _ = january.told("backfill", FEED, "--from", day(10), "--to", day(16))
    assert told["counts"] == {"published": 4, "skipped": 0, "failed": 0}
    made = [each for each in january.api.backfills(DAG) if each.number not in before]
    assert [(str(each.first.date()), str(each.last.date()), each.paused) for each in made] == [
        (day(10), day(11), False)
    ]
    assert [len(january.runs(number)) for number in range(10, 17)] == [1, 1, 0, 0, 1, 0, 1]

    first = january.published(10, 11, 14)
    january.land(10, "0.25")
    january.land(11, "0.25")
    january.land(12)
    january.audit(10, 11, 12, after=first)
    assert [len(january.runs(number)) for number in (10, 11, 12)] == [1, 1, 1]
    assert january.standing(14)["publication"] == first[14]


def test_runs_of_a_cancelled_backfill_are_told_as_stuck_and_replaced(january: January) -> None:
    first = january.published(10, 11, 14)
    backfill = january.backfill(10, 16, slots=1)
    until("the first run is at work", lambda: january.runs(10)[0]["state"] == "running")
    january.cancel(backfill)
    until("the first run has ended", lambda: january.runs(10)[0]["state"] == "success")
    assert {january.runs(number)[0]["state"] for number in range(11, 17)} == {"failed"}
    first |= january.published(10)

    [dead] = [run["dag_run_id"] for run in january.runs(14)]
    clear = f"/api/v2/dags/{DAG}/dagRuns/{dead}/clear"
    january.api.http.post(clear, json={"dry_run": False}).raise_for_status()
    held = f"{dead} goes on no further: its backfill {backfill.number} was cancelled"
    assert (january.standing(14)["state"], january.standing(14)["why"]) == ("published", held)
    january.land(14, "0.25")  # its run is queued for ever
    january.land(10, "0.5")  # its run has ended, and would be queued for ever
    january.land(13)  # its run was never started
    stood = january.standing(14)
    assert (stood["state"], stood["reason"], stood["run_state"]) == ("stuck", "input changed", "queued")
    assert stood["why"].startswith(f"{held}; hours.csv: ")
    [told], _ = january.told("explain", FEED, day(14))
    assert told["run"] == f"{DAG} {dead} (queued: its backfill {backfill.number} was cancelled)"
    assert (
        told["next"]
        == f"nothing: the next audit starts another run; or landfall apply {FEED} --from {day(14)} --to {day(14)}"
    )

    january.audit(10, 13, 14, after=first)
    old, new = january.runs(14)
    assert (old["dag_run_id"], old["state"], new["state"]) == (dead, "failed", "success")
    assert new["dag_run_id"].startswith(f"landed__{day(14)}T")
    assert old["note"].startswith(held)
    assert old["note"].endswith(f". {new['dag_run_id']} runs in its place.")
    assert [run["state"] for run in january.runs(10)] == ["success", "success"]
    assert january.published(11) == {11: first[11]}


def test_beside_a_backfill_that_waits_for_data_the_audit_and_a_second_backfill_go_on(january: January) -> None:
    waiting = january.backfill(18, 20, slots=1)
    until("the first run waits", lambda: january.runs(18)[0]["state"] == "running")
    january.land(19)
    stood = january.standing(19)
    assert (stood["state"], stood["reason"]) == ("stuck", "never published")
    assert stood["why"].endswith(
        f"its backfill {waiting.number} lets 1 runs go on at a time, and these wait for data: {day(18)}; no run has read it"
    )
    january.audit(19, after={})

    january.land(20)
    told, _ = january.told("backfill", FEED, "--from", day(20), "--to", day(20))
    assert told["counts"] == {"published": 1, "skipped": 0, "failed": 0}
    told, said = january.told("backfill", FEED, "--from", day(10), "--to", day(11))
    assert told["counts"] == {"published": 2, "skipped": 0, "failed": 0}
    assert (
        f"{DAG}: Airflow makes one backfill of a DAG at a time, and backfill {waiting.number}, {day(18)}..{day(20)}, is not "
        "over: the days are run one by one beside it"
    ) in said
    assert january.runs(18)[0]["state"] == "running"
    january.cancel(waiting)


def test_a_paused_backfill_is_left_to_who_paused_it_and_what_is_due_runs_beside_it(january: January) -> None:
    made = january.backfill(25, 26, slots=1)
    until("the first run waits", lambda: january.runs(25)[0]["state"] == "running")
    january.api.http.put(f"/api/v2/backfills/{made.number}/pause").raise_for_status()
    january.land(26)
    stood = january.standing(26)
    assert (stood["state"], stood["reason"]) == ("paused", "never published")
    [held] = [run["dag_run_id"] for run in january.runs(26)]
    assert stood["why"] == f"{held} goes on no further: its backfill {made.number} is paused; no run has read it"
    january.audit(26, after={})
    assert [run["state"] for run in january.runs(26) if run["dag_run_id"] == held] == ["queued"]
    january.cancel(made)


def test_a_paused_dag_is_told_as_that_and_nothing_of_it_is_queued(january: January) -> None:
    january.land(22)
    january.pause(DAG, True)
    try:
        stood = january.standing(22)
        assert (stood["state"], stood["reason"]) == ("paused", "never published")
        assert stood["why"] == f"the DAG `{DAG}` is paused; no run has read it"
        january.pause("landing_audit", False)
        january.api.wait("landing_audit", january.api.trigger("landing_audit"), lambda _: None, patience=600)
        assert january.runs(22) == []
        url, next_ = january.stack.settings.airflow_url, f"airflow dags unpause {DAG}"
        refused, _ = january.told("backfill", FEED, "--from", day(22), "--to", day(22), code=1)
        assert refused == {
            "type": "RunError",
            "error": f"The DAG `{DAG}` is paused: no run of it goes on.",
            "looked": f"{url}/dags/{DAG}",
            "left": "nothing was started",
            "next": f"{next_}    (or the switch on {url}/dags/{DAG})",
        }
        [told], _ = january.told("explain", FEED, day(22))
        assert told["next"] == refused["next"]
    finally:
        january.pause("landing_audit", True)
        january.pause(DAG, False)
    january.audit(22, after={})


def test_an_object_of_a_day_that_cannot_be_stops_nothing(january: January) -> None:
    key = "bike_sharing/forecast/dt=9999-12-31/hours.csv"
    january.put(key, "x\n")
    try:
        january.land(23)
        for command in (("status",), ("plan",), ("explain", "bike_demand", day(23))):
            january.told(*command)
        assert f"objects belong to no partition: '{key}'" in january.landfall("status", FEED).stdout
        january.audit(23, after={})
    finally:
        january.store.delete_object(Bucket=january.stack.settings.s3.bucket, Key=key)


@pytest.mark.parametrize("form", [{"conf": {"day": "9999-12-31"}}, {"logical_date": "1969-06-01T00:00:00Z"}])
def test_a_day_that_cannot_be_is_refused_in_the_form(january: January, form: Json) -> None:
    answer = january.api.http.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, **form})
    if answer.is_success:  # then the run says it
        run_id = answer.json()["dag_run_id"]
        until("the run has ended", lambda: january.api.state(DAG, run_id) == "failed")
        text = january.api.why(DAG, run_id).what
        january.api.http.delete(f"/api/v2/dags/{DAG}/dagRuns/{run_id}").raise_for_status()
    else:
        text = answer.json()["detail"]
    assert "cannot be a partition" in text
    assert "expected a day from 1970-01-01 to 2199-12-31" in text


def test_a_pipeline_without_a_dag_stops_no_other(january: January, monkeypatch: pytest.MonkeyPatch, stack: Any) -> None:
    feed, other = (
        replace(FORECAST, pipeline="new", name="new", dag_id="not_there_yet"),
        replace(ACTUALS, pipeline="new"),
    )
    monkeypatch.setattr(auditing, "PIPELINES", {"new": replace(BIKE_DEMAND, name="new", feeds=(feed, other))})
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    found = auditing.look_at(stack.settings, "new")
    assert [(name, str(error).splitlines()[0]) for name, error in found.unjudged.items()] == [
        ("new/new", "Airflow has no DAG `not_there_yet`.")
    ]
    assert [audit.feed for audit in found.audits] == ["new/actuals"]


def test_an_audit_has_no_backfill(january: January) -> None:
    body = {"dag_id": "landing_audit", "from_date": f"{day(1)}T00:00:00Z", "to_date": f"{day(2)}T00:00:00Z"}
    answer = january.api.http.post("/api/v2/backfills", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        400, "Dag with dag_id: 'landing_audit' does not allow backfill runs",
    )  # fmt: skip
    assert january.api.dag("landing_audit")["timetable_summary"] is not None
