"""Starts a run of another DAG, or resets the run that its partition had, and says why."""

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context

NAMED = "{{ task.trigger_dag_id }} {{ (task.logical_date or task.run_after)|string|truncate(10, True, '', 0) }}"
"""The name in the UI of one of several such tasks, in place of its number: the DAG and the day."""


class StartRun(TriggerDagRunOperator):
    """Airflow's own operator, which reports what it does only in a part of the log that the UI folds away."""

    def execute(self, context: Context) -> Any:
        """Starts the run."""
        again = "is reset and runs again" if self.reset_dag_run else "is started"
        self.log.info("The run %s of `%s` %s: %s", self.trigger_run_id, self.trigger_dag_id, again, self.note)
        return super().execute(context)
