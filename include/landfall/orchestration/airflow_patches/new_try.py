"""Forgets the old end of a task that waits again: the start and end that the UI draws must be those of this try.

The scheduler defers a task that starts in the triggerer (`start_from_trigger`): it notes when the task began and leaves the end
of an earlier try in place. When the task ends, Airflow keeps the end that is already there. So after a clear or a second
backfill a wait had ended before it began. Here the scheduler forgets the end when a wait begins. The earlier try keeps its own
end in the history of tries.
"""

import importlib
from typing import Any

from landfall.orchestration.airflow_patches.scheduler import loaded_scheduler

MODEL = "airflow.models.taskinstance"
WAITING = "deferred"


def forget_old_ends() -> bool:
    """Changes the scheduler's process as described above. True if this call changed it; a second call changes nothing."""
    if not loaded_scheduler():
        return False
    event, state = importlib.import_module("sqlalchemy").event, importlib.import_module(MODEL).TaskInstance.state
    if event.contains(state, "set", _state_is_set):
        return False
    event.listen(state, "set", _state_is_set)
    return True


def _state_is_set(task_instance: Any, state: Any, *_: Any) -> None:
    if state == WAITING:
        task_instance.end_date = task_instance.duration = None
