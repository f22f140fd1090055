"""# One job of Landfall's a run, on Databricks"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Context

from landfall.json_values import Json
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.spec import Job, Settings


class Held(SparkStep):
    """A step that does nothing but have its job run."""

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """The job, as it is declared."""
        return self.ask()

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """What the job told."""
        return report


with DAG(
    "runs_landfall",
    schedule=None,
    start_date=pendulum.datetime(1990, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=20_000,
    max_active_tasks=20_000,
    default_args={"owner": "benchmark", "retries": 1, "retry_delay": timedelta(seconds=5)},
) as dag:
    Held(task_id="job", job=Job(name="features"), partition="{{ ds }}")
