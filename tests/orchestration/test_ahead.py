"""Runs whose partition lies ahead start when they are created; nothing else in Airflow's scheduler changes."""

import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from landfall.orchestration.airflow_patches import ahead
from landfall.orchestration.airflow_patches.ahead import let_runs_start_ahead
from landfall.orchestration.airflow_patches.scheduler import SCHEDULER
from landfall.orchestration.timetable import PartitionTimetable

NOW = datetime(2012, 12, 25, 15, 30, tzinfo=UTC)
TOMORROW = datetime(2012, 12, 26, tzinfo=UTC)
PATIENCE = timedelta(days=14)
UNKNOWN = "This Airflow's scheduler is not the one Landfall knows: forecast runs start when their day does."


def fake_scheduler() -> Any:
    """A module with what Airflow's scheduler has: a clock, and a check of the logical date against it."""
    module: Any = ModuleType(SCHEDULER)
    module.timezone = SimpleNamespace(utcnow=lambda: NOW, parse=lambda text: text)

    class SchedulerJobRunner:
        def __init__(self, timetable: object) -> None:
            dag = SimpleNamespace(timetable=timetable, dagrun_timeout=PATIENCE) if timetable else None
            self.dag: Any = dag
            self.scheduler_dag_bag = SimpleNamespace(get_dag_for_run=lambda dag_run, session: dag)
            self.started: list[Any] = []

        def _schedule_dag_run(self, dag_run: Any, session: object) -> str | None:
            patience = self.dag.dagrun_timeout if self.dag else None
            if patience and dag_run.start_date < module.timezone.utcnow() - patience:
                return "timed out"
            if dag_run.logical_date and dag_run.logical_date > module.timezone.utcnow():
                return "Logical date is in future"
            assert module.timezone.parse("still there") == "still there"
            if dag_run.breaks:
                raise RuntimeError("the database is away")
            self.started.append(dag_run)
            return None

    module.SchedulerJobRunner = SchedulerJobRunner
    return module


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The scheduler's process: its module is loaded."""
    module = fake_scheduler()
    monkeypatch.setitem(sys.modules, SCHEDULER, module)
    yield module
    assert module.timezone.utcnow() == NOW


def run(logical_date: datetime | None, *, breaks: bool = False, start_date: datetime = NOW) -> Any:
    return SimpleNamespace(logical_date=logical_date, breaks=breaks, start_date=start_date)


@pytest.fixture
def schedule(scheduler: Any) -> Callable[..., tuple[Any, list[Any]]]:
    """What the changed scheduler answers for a run of a DAG with a timetable, and the runs that it started."""
    assert let_runs_start_ahead() is True

    def one(dag_run: Any, timetable: object) -> tuple[Any, list[Any]]:
        runner = scheduler.SchedulerJobRunner(timetable)
        return runner._schedule_dag_run(dag_run, session=None), runner.started

    return one


def test_without_the_change_a_run_whose_day_lies_ahead_is_not_started(scheduler: Any) -> None:
    runner = scheduler.SchedulerJobRunner(PartitionTimetable(1))

    assert runner._schedule_dag_run(run(TOMORROW), session=None) == "Logical date is in future"


def test_a_run_of_a_day_far_ahead_is_started_and_times_out_by_the_real_clock(schedule: Any) -> None:
    far = run(NOW + timedelta(days=30))
    assert schedule(far, PartitionTimetable(1)) == (None, [far])
    old = run(NOW + timedelta(days=30), start_date=NOW - PATIENCE - timedelta(seconds=1))
    assert schedule(old, PartitionTimetable(1)) == ("timed out", [])


def test_a_run_whose_partition_lies_ahead_is_started(schedule: Any) -> None:
    tomorrow = run(TOMORROW)

    assert schedule(tomorrow, PartitionTimetable(1)) == (None, [tomorrow])


@pytest.mark.parametrize("timetable", [object(), None], ids=["another timetable", "no such DAG"])
def test_another_run_whose_logical_date_lies_ahead_is_not_started(schedule: Any, timetable: object) -> None:
    assert schedule(run(TOMORROW), timetable) == ("Logical date is in future", [])


@pytest.mark.parametrize("moment", [None, NOW - timedelta(days=400), NOW])
@pytest.mark.parametrize("timetable", [PartitionTimetable(1), object(), None])
def test_a_run_whose_day_has_come_is_started_as_ever(schedule: Any, timetable: object, moment: datetime | None) -> None:
    one = run(moment)

    assert schedule(one, timetable) == (None, [one])


def test_only_the_check_sees_another_clock(schedule: Any, scheduler: Any) -> None:
    schedule(run(TOMORROW), PartitionTimetable(1))

    assert scheduler.timezone.utcnow() == NOW
    assert schedule(run(TOMORROW), object()) == ("Logical date is in future", [])


def test_the_clock_is_restored_after_an_error_too(schedule: Any, scheduler: Any) -> None:
    real = scheduler.timezone
    with pytest.raises(RuntimeError, match="the database is away"):
        schedule(run(TOMORROW, breaks=True), PartitionTimetable(1))

    assert scheduler.timezone is real


def test_a_second_call_changes_nothing(scheduler: Any) -> None:
    assert let_runs_start_ahead() is True
    once = scheduler.SchedulerJobRunner._schedule_dag_run

    assert let_runs_start_ahead() is False
    assert scheduler.SchedulerJobRunner._schedule_dag_run is once


def test_a_process_that_is_no_scheduler_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, SCHEDULER, raising=False)

    assert let_runs_start_ahead() is False
    assert SCHEDULER not in sys.modules


@pytest.mark.parametrize("lacking", ["SchedulerJobRunner", "SchedulerJobRunner._schedule_dag_run", "timezone"])
def test_an_unknown_airflow_is_reported_and_left_alone(
    scheduler: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lacking: str
) -> None:
    unknown: Any = ModuleType(SCHEDULER)
    unknown.timezone, unknown.SchedulerJobRunner = scheduler.timezone, scheduler.SchedulerJobRunner
    holder, _, name = lacking.rpartition(".")
    delattr(getattr(unknown, holder) if holder else unknown, name)
    monkeypatch.setitem(sys.modules, SCHEDULER, unknown)

    with caplog.at_level(logging.ERROR, logger=ahead.__name__):
        assert let_runs_start_ahead() is False
    assert [record.getMessage() for record in caplog.records] == [UNKNOWN]


def test_the_installed_airflow_still_has_the_check_that_is_changed() -> None:
    """An upgrade that moves the check fails here, before it leaves every forecast's run standing until its day."""
    from airflow.jobs import scheduler_job_runner

    assert scheduler_job_runner.__name__ == SCHEDULER
    assert callable(scheduler_job_runner.timezone.utcnow)
    check = inspect.unwrap(scheduler_job_runner.SchedulerJobRunner._schedule_dag_run)
    source = inspect.getsource(check)

    assert list(inspect.signature(check).parameters) == ["self", "dag_run", "session"]
    assert "if dag_run.logical_date and dag_run.logical_date > timezone.utcnow():" in source
    assert "self.scheduler_dag_bag.get_dag_for_run(dag_run=dag_run, session=session)" in source
