"""# The same with the deferrable sensor of the Amazon provider, polling as often"""

from datetime import timedelta

import pendulum
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, chain

with DAG(
    "many_provider",
    schedule=None,
    start_date=pendulum.datetime(1990, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=20_000,
    default_args={"owner": "benchmark", "retries": 1, "retry_delay": timedelta(seconds=5)},
) as dag:
    sensor = S3KeySensor(
        task_id="wait_for_landing",
        bucket_name="landfall",
        bucket_key="many/provider/dt={{ ds }}/*",
        wildcard_match=True,
        aws_conn_id="landfall_s3",
        deferrable=True,
        poke_interval=1,
        timeout=7 * 24 * 3600,
    )
    chain(sensor, EmptyOperator(task_id="after"))
