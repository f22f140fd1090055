"""The scheduler leaves a run of `airflow dags test` to the process that makes it."""

import inspect
import logging
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from airflow.utils.types import DagRunTriggeredByType

from landfall.orchestration.airflow_patches import dags_test
from landfall.orchestration.airflow_patches.dags_test import HANDS_OVER, SCHEDULES, leave_tests_alone
from landfall.orchestration.airflow_patches.scheduler import SCHEDULER

UNKNOWN = "This Airflow's scheduler is not the one Landfall knows: pause a DAG while `airflow dags test` runs it."


class SchedulerJobRunner:
    """A scheduler that schedules and hands over what it is given."""

    def __init__(self) -> None:
        self.handed_over: list[Any] = []

    def _schedule_all_dag_runs(self, guard: object, dag_runs: list[Any], session: object) -> list[Any]:
        return [(run, None) for run in dag_runs]

    def _enqueue_task_instances_with_queued_state(self, task_instances: Any, executor: object, session: object) -> None:
        self.handed_over += task_instances


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scheduler's process: its module is loaded."""
    module: Any = ModuleType(SCHEDULER)
    module.SchedulerJobRunner = type("SchedulerJobRunner", (SchedulerJobRunner,), dict(vars(SchedulerJobRunner)))
    monkeypatch.setitem(sys.modules, SCHEDULER, module)
    return module


def test_only_runs_of_a_test_are_passed_over(scheduler: Any) -> None:
    runs = [SimpleNamespace(triggered_by=kind) for kind in (None, *DagRunTriggeredByType)]
    assert leave_tests_alone() is True
    assert leave_tests_alone() is False
    scheduled = scheduler.SchedulerJobRunner()._schedule_all_dag_runs(None, runs, None)
    assert [run for run, _ in scheduled] == [run for run in runs if run.triggered_by != DagRunTriggeredByType.TEST]


def test_tasks_of_a_test_are_given_back_and_the_others_are_started(
    scheduler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []

    def give_back(chosen: list[Any], session: object) -> set[int]:
        asked.append([each.id for each in chosen])
        return {2}

    monkeypatch.setattr(dags_test, "_give_back", give_back)
    leave_tests_alone()
    tasks = [SimpleNamespace(id=number) for number in (1, 2, 3)]
    runner = scheduler.SchedulerJobRunner()
    runner._enqueue_task_instances_with_queued_state(tasks, "local", session=None)
    assert runner.handed_over == [tasks[0], tasks[2]]
    assert asked == [[1, 2, 3]]


@pytest.mark.parametrize("lacking", [SCHEDULES, HANDS_OVER])
def test_an_unknown_airflow_is_reported_and_left_alone(
    scheduler: Any, caplog: pytest.LogCaptureFixture, lacking: str
) -> None:
    scheduler.SchedulerJobRunner = type("SchedulerJobRunner", (), {
        name: value for name, value in vars(SchedulerJobRunner).items() if name != lacking and not name.startswith("__")
    })  # fmt: skip
    with caplog.at_level(logging.ERROR, logger=dags_test.__name__):
        assert leave_tests_alone() is False
    assert [record.getMessage() for record in caplog.records] == [UNKNOWN]


def test_a_process_that_is_no_scheduler_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, SCHEDULER, raising=False)
    assert leave_tests_alone() is False


def test_the_installed_airflow_schedules_and_hands_over_as_it_did() -> None:
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner as Runner

    schedule, hand_over = (inspect.unwrap(getattr(Runner, name)) for name in (SCHEDULES, HANDS_OVER))
    assert list(inspect.signature(schedule).parameters) == ["self", "guard", "dag_runs", "session"]
    assert list(inspect.signature(hand_over).parameters) == ["self", "task_instances", "executor", "session"]
    source = inspect.getsource(Runner)
    assert "self._schedule_all_dag_runs(guard, dag_runs, session)" in source
    assert (
        "self._enqueue_task_instances_with_queued_state(queued_tis_per_executor, executor, session=session)" in source
    )
    assert DagRunTriggeredByType.TEST.value == dags_test.TEST
