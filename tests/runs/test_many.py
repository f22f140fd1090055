"""A backfill of many days: what is told of each, and what becomes of the others when one fails. Airflow is played."""

from typing import Any

import pytest

from landfall.errors import RunError
from landfall.runs import many
from landfall.runs.backfills import Backfill
from landfall.runs.many import Ended, backfill_range
from landfall.spec import Partition, Partitions

DAYS = Partitions.parse("2015-01-10..2015-01-12")
MADE = Backfill.of(
    {
        "id": 7, "from_date": "2015-01-10T00:00:00Z", "to_date": "2015-01-12T00:00:00Z", "is_paused": False,
        "max_active_runs": 4, "created_at": "2015-01-20T12:00:00Z", "completed_at": None,
    }
)  # fmt: skip


class Airflow:
    """Airflow with one run a day, each in the states that are told one after the other."""

    def __init__(self, *, refuses: int = 0, **states: list[str]) -> None:
        self.refuses, self.states = refuses, {f"2015-01-{day[1:]}": states[day] for day in states}
        self.given_up: list[str] = []

    def backfill(self, *_: object) -> Backfill:
        if self.refuses:
            refused = RunError("Airflow refused.", looked=f"POST /api/v2/backfills: {self.refuses}")
            refused.status = self.refuses
            raise refused
        return MADE

    def backfills(self, _: str) -> list[Backfill]:
        return [MADE]

    def list_runs(self, _: str, *, state: list[str] | None = None, **__: object) -> list[dict[str, Any]]:
        runs = [self.run("", day) for day in self.states]
        return [run for run in runs if state is None or run["state"] in state]

    def run(self, _: str, day: str) -> dict[str, Any]:
        states = self.states[day]
        state = states.pop(0) if len(states) > 1 else states[0]
        started = None if state in ("queued", "never started") else "2015-01-20T12:00:02Z"
        return {
            "dag_run_id": day, "state": "failed" if state == "never started" else state, "run_type": "backfill",
            "logical_date": f"{day}T00:00:00Z", "queued_at": "2015-01-20T12:00:01Z", "start_date": started,
        }  # fmt: skip

    def run_partition(self, _: str, partition: Partition, **__: object) -> str:
        return str(partition)

    def give_up(self, _: str, run_id: str, note: str) -> None:
        self.given_up.append(f"{run_id}: {note}")
        self.states[run_id] = ["never started"]

    def dag(self, _: str) -> dict[str, Any]:
        return {"is_paused": False}

    def tasks(self, *_: object) -> list[dict[str, Any]]:
        return []


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many.time, "sleep", lambda _: None)  # type: ignore[attr-defined]


def ended(airflow: Any, said: list[str], *, stop_on_failure: bool = False) -> list[Ended]:
    return list(
        backfill_range(airflow, "d", DAYS, stop_on_failure=stop_on_failure, tell=lambda _: None, remark=said.append)
    )


def states(found: list[Ended]) -> dict[str, str]:
    return {str(each.partition)[-2:]: each.state for each in found}


def test_each_day_is_told_once_when_its_run_has_ended() -> None:
    airflow = Airflow(d10=["running", "success"], d11=["queued", "running", "failed"], d12=["success"])
    found = ended(airflow, [])
    assert (states(found), len(found)) == ({"10": "success", "11": "failed", "12": "success"}, 3)
    assert airflow.given_up == []


def test_after_a_failure_no_more_are_started_and_the_backfill_is_over_by_itself() -> None:
    airflow = Airflow(d10=["failed"], d11=["running"], d12=["queued"])
    found = next(iter(backfill_range(airflow, "d", DAYS, stop_on_failure=True, tell=print, remark=print)))  # type: ignore[arg-type]
    assert (str(found.partition), found.state) == ("2015-01-10", "failed")
    assert airflow.given_up == ["2015-01-12: not started: another run of backfill 7 had failed (--stop-on-failure)"]


def test_a_backfill_that_a_person_cancels_is_told_as_that() -> None:
    found = ended(Airflow(d10=["success"], d11=["queued", "never started"], d12=["success"]), [])
    assert [each.why for each in found if each.state == "failed"] == [
        "its run was not started: the backfill 7 was cancelled in Airflow"
    ]


def test_beside_another_backfill_the_days_are_run_one_by_one() -> None:
    said: list[str] = []
    found = ended(Airflow(refuses=409, d10=["running", "success"], d11=["success"], d12=["success"]), said)
    assert states(found) == {"10": "success", "11": "success", "12": "success"}
    assert said == [
        "d: Airflow makes one backfill of a DAG at a time, and backfill 7, 2015-01-10..2015-01-12, is not over: the days are "
        "run one by one beside it"
    ]
    with pytest.raises(RunError):
        ended(Airflow(refuses=400), said)
