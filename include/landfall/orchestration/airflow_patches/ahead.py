"""Lets a run start before its logical date: a forecast's run waits one day ahead of the day that it is about.

Airflow 3 creates such a run at its `run_after` and shows it as running. But its scheduler starts no task of a run whose
logical date lies ahead, and no setting changes that (apache/airflow pull requests 46663 and 65856). So in the scheduler,
and only for runs of a `PartitionTimetable`, this one check reads the run's logical date instead of the clock.

A run's `dagrun_timeout` counts by the real clock, from when the run was made. If a later Airflow has no such check or
another scheduler, nothing is changed, and a forecast's run starts when its day does; docs/adr has the alternatives.
"""

import inspect
import logging
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from landfall.orchestration.airflow_patches.scheduler import loaded_scheduler
from landfall.orchestration.timetable import PartitionTimetable

CHECK = {"logical_date", "timezone", "utcnow"}
"""The names that the check uses; if one is missing, the check is not the one we know."""
log = logging.getLogger(__name__)


def let_runs_start_ahead() -> bool:
    """Changes this process's scheduler, if it has one. True if it was changed now; a second call changes nothing."""
    if not (found := loaded_scheduler()):
        return False
    module, runner = found
    original: Any = getattr(runner, "_schedule_dag_run", None)
    if hasattr(original, "starts_ahead"):
        return False
    names = inspect.unwrap(original).__code__.co_names if original else ()
    if not CHECK.issubset(names) or not hasattr(module, "timezone"):
        log.error("This Airflow's scheduler is not the one Landfall knows: forecast runs start when their day does.")
        return False

    def schedule_dag_run(self: Any, dag_run: Any, session: Any) -> Any:
        real = module.timezone
        dag = _dag_ahead(self, dag_run, session, real.utcnow())
        if dag is None:
            return original(self, dag_run, session=session)
        run_clock, patience = dag_run.logical_date + timedelta(seconds=1), dag.dagrun_timeout
        module.timezone = SimpleNamespace(**{**vars(real), "utcnow": lambda: run_clock})
        dag.dagrun_timeout = None  # by that clock a run of a day far ahead would time out as it starts
        try:
            return original(self, dag_run, session=session)
        finally:
            module.timezone, dag.dagrun_timeout = real, patience

    schedule_dag_run.starts_ahead = True  # type: ignore[attr-defined]
    runner._schedule_dag_run = schedule_dag_run
    return True


def _dag_ahead(scheduler: Any, dag_run: Any, session: Any, now: datetime) -> Any:
    """The DAG of a run whose partition lies ahead and that has not timed out; None for every other run."""
    if not dag_run.logical_date or dag_run.logical_date <= now:
        return None
    dag = scheduler.scheduler_dag_bag.get_dag_for_run(dag_run=dag_run, session=session)
    if dag is None or not isinstance(dag.timetable, PartitionTimetable):
        return None
    late = dag.dagrun_timeout and dag_run.start_date and dag_run.start_date < now - dag.dagrun_timeout
    return None if late else dag
