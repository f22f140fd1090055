"""# One wait of Landfall's a run, as in the project's own DAGs"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, chain

from landfall.orchestration import wait_for_landing
from landfall.spec import Landing

with DAG(
    "many_landfall",
    schedule=None,
    start_date=pendulum.datetime(1990, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=20_000,
    default_args={"owner": "benchmark", "retries": 1, "retry_delay": timedelta(seconds=5)},
) as dag:
    chain(wait_for_landing(Landing(prefix="many/landfall")), EmptyOperator(task_id="after"))
