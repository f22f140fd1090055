"""# The same with the Databricks provider's deferrable operator, polling as often"""

from datetime import timedelta

import pendulum
from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG

with DAG(
    "runs_provider",
    schedule=None,
    start_date=pendulum.datetime(1990, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=20_000,
    max_active_tasks=20_000,
    default_args={"owner": "benchmark", "retries": 1, "retry_delay": timedelta(seconds=5)},
) as dag:
    DatabricksSubmitRunOperator(
        task_id="job",
        databricks_conn_id="landfall_databricks",
        json={
            "run_name": "provider-{{ ds }}",
            "tasks": [
                {
                    "task_key": "job",
                    "existing_cluster_id": "1",
                    "python_wheel_task": {
                        "package_name": "landfall",
                        "entry_point": "landfall-job",
                        "parameters": ["features"],
                    },
                }
            ],
        },
        polling_period_seconds=10,
        deferrable=True,
    )
