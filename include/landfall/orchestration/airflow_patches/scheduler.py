"""Finds Airflow's scheduler in this process, for the changes to it."""

import sys
from typing import Any

SCHEDULER = "airflow.jobs.scheduler_job_runner"


def loaded_scheduler() -> tuple[Any, Any] | None:
    """The scheduler's module and its class; None in a process that has not imported the module, so is no scheduler.

    The class is None if this Airflow has none of that name. Nothing is imported.
    """
    module = sys.modules.get(SCHEDULER)
    return None if module is None else (module, getattr(module, "SchedulerJobRunner", None))
