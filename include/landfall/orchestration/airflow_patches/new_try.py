"""A task that waits again has not ended: its start and end, which the UI draws, are those of this try.

A task that starts in the triggerer (`start_from_trigger`) is deferred by the scheduler, which notes when it began and leaves
the end of an earlier try where it is; when the task ends, Airflow keeps the end that is there. After a clear or a second
backfill the wait had ended before it began. So in the scheduler an end is forgotten when a wait begins. The earlier try
keeps its own in the history of tries.
"""

import importlib
import sys
from typing import Any

from landfall.orchestration.airflow_patches.ahead import SCHEDULER

MODEL = "airflow.models.taskinstance"
WAITING = "deferred"


def forget_old_ends() -> bool:
    """In the scheduler's process: see above; True if this call changed it. A second call changes nothing."""
    if SCHEDULER not in sys.modules:
        return False
    event, state = importlib.import_module("sqlalchemy").event, importlib.import_module(MODEL).TaskInstance.state
    if event.contains(state, "set", _state_is_set):
        return False
    event.listen(state, "set", _state_is_set)
    return True


def _state_is_set(task_instance: Any, state: Any, *_: Any) -> None:
    if state == WAITING:
        task_instance.end_date = task_instance.duration = None
