"""Start a run of another DAG, or reset the one that its partition had, and say why."""

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context

NAMED = "{{ task.trigger_dag_id }} {{ (task.logical_date or task.run_after)|string|truncate(10, True, '', 0) }}"
"""What the UI calls one of several such tasks, in place of its number: the DAG and the day."""


class StartRun(TriggerDagRunOperator):
    """Airflow's own operator, which says what it does in a part of the log that the UI folds away."""

    def execute(self, context: Context) -> Any:
        """Start it."""
        again = "is reset and runs again" if self.reset_dag_run else "is started"
        self.log.info("The run %s of `%s` %s: %s", self.trigger_run_id, self.trigger_dag_id, again, self.note)
        return super().execute(context)
