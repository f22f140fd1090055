"""A task that waits again has not ended yet."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import event
from sqlalchemy.orm import configure_mappers

from landfall.orchestration.airflow_patches import new_try
from landfall.orchestration.airflow_patches.new_try import forget_old_ends
from landfall.orchestration.airflow_patches.scheduler import SCHEDULER

NOON = datetime(2012, 12, 25, 12, tzinfo=UTC)


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scheduler's process: its module is loaded. Airflow's model is as it was again afterwards."""
    monkeypatch.setitem(sys.modules, SCHEDULER, ModuleType(SCHEDULER))
    stop_listening()
    yield
    stop_listening()


def stop_listening() -> None:
    """Takes the listener away, which a plugin loaded by an earlier test may have added too."""
    if event.contains(TaskInstance.state, "set", new_try._state_is_set):
        event.remove(TaskInstance.state, "set", new_try._state_is_set)


def tried() -> Any:
    """A task instance of Airflow's that has ended and was cleared."""
    one = TaskInstance.__new__(TaskInstance)
    configure_mappers()
    TaskInstance.__mapper__.class_manager.setup_instance(one)
    one.end_date, one.duration = NOON, 5.0
    return one


@pytest.mark.usefixtures("scheduler")
def test_an_old_end_is_forgotten_when_a_wait_begins_and_not_before() -> None:
    one = tried()
    one.state = "deferred"
    assert (one.end_date, one.duration) == (NOON, 5.0)

    assert forget_old_ends() is True
    assert forget_old_ends() is False
    for state in (None, "scheduled", "success", "failed"):
        one.state = state
        assert (one.end_date, one.duration) == (NOON, 5.0)
    one.state = "deferred"
    assert (one.end_date, one.duration) == (None, None)


def test_a_process_that_is_no_scheduler_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, SCHEDULER, raising=False)
    assert forget_old_ends() is False
    assert not event.contains(TaskInstance.state, "set", new_try._state_is_set)
