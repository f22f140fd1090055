"""Leaves a run of `airflow dags test` to the process that made it, even if a scheduler runs beside it.

`airflow dags test` writes its run into Airflow's database and goes from task to task by itself. Airflow's scheduler sees it as
one more active run and handles it too: it ends a run of an old day at once, because such a run began on its logical date and
is over its `dagrun_timeout`, and it hands tasks to a worker that the other process is about to start. So the scheduler skips
these runs, and if it has taken one of their tasks, it gives the task back before anybody sees it.

If Airflow's scheduler is not the known one nothing is changed, and the log says so: then pause the DAG while it is tested.
"""

import importlib
import logging
from collections.abc import Iterable
from typing import Any

from landfall.orchestration.airflow_patches.scheduler import loaded_scheduler

SCHEDULES, HANDS_OVER = "_schedule_all_dag_runs", "_enqueue_task_instances_with_queued_state"
TEST = "test"
"""What `airflow dags test` records as the trigger of its run."""
log = logging.getLogger(__name__)


def leave_tests_alone() -> bool:
    """Changes this process's scheduler, if it has one. True if it was changed now; a second call changes nothing."""
    if not (found := loaded_scheduler()):
        return False
    _, runner = found
    schedule, hand_over = getattr(runner, SCHEDULES, None), getattr(runner, HANDS_OVER, None)
    if schedule is None or hand_over is None:
        log.error(
            "This Airflow's scheduler is not the one Landfall knows: pause a DAG while `airflow dags test` runs it."
        )
        return False
    if hasattr(schedule, "leaves_tests"):
        return False

    def schedule_all(self: Any, guard: Any, dag_runs: Iterable[Any], session: Any) -> Any:
        others = [run for run in dag_runs if getattr(run.triggered_by, "value", None) != TEST]
        return schedule(self, guard, others, session)

    def enqueue(self: Any, task_instances: list[Any], executor: Any, session: Any) -> Any:
        tested = _give_back(task_instances, session)
        others = [instance for instance in task_instances if instance.id not in tested]
        return hand_over(self, others, executor, session=session)

    schedule_all.leaves_tests = True  # type: ignore[attr-defined]
    setattr(runner, SCHEDULES, schedule_all)
    setattr(runner, HANDS_OVER, enqueue)
    return True


def _give_back(chosen: list[Any], session: Any) -> set[Any]:
    """The ids of those of `chosen` that a test runs. In the database they are set back to their state before being chosen."""
    sql, types = importlib.import_module("sqlalchemy"), importlib.import_module("airflow.utils.types")
    task, run = importlib.import_module("airflow.models").TaskInstance, importlib.import_module("airflow.models").DagRun
    triggered = run.triggered_by == types.DagRunTriggeredByType.TEST
    ids = sql.select(task.id).join(run, (run.dag_id == task.dag_id) & (run.run_id == task.run_id))
    tested = set(session.scalars(ids.where(triggered, task.id.in_([instance.id for instance in chosen]))))
    if tested:
        before = (
            sql.update(task)
            .where(task.id.in_(tested))
            .values(state="scheduled", queued_dttm=None, queued_by_job_id=None)
        )
        session.execute(before.execution_options(synchronize_session=False))
    return tested
