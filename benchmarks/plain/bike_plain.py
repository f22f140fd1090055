"""# The same forecast as people write it today

The provider's key sensor with its defaults, and one spark-submit a step. The peer of `benchmarks/landing_to_prediction.py`.
"""

import sys
from pathlib import Path

import pendulum
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, chain

STEPS = Path(__file__).resolve().parent / "steps.py"
SUBMIT = f"""
export PYSPARK_PYTHON={sys.executable}
export SPARK_HOME=$({sys.executable} -c 'import pyspark, pathlib; print(pathlib.Path(pyspark.__file__).parent)')
$SPARK_HOME/bin/spark-submit --master 'local[*]' --driver-memory 1g \
  --conf spark.driver.extraClassPath="$LANDFALL_SPARK_JARS/*" --conf spark.ui.enabled=false \
  --conf spark.sql.shuffle.partitions=2 --conf spark.sql.session.timeZone=UTC \
  --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \
  --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog \
  --conf spark.hadoop.fs.s3a.endpoint="$LANDFALL_S3_ENDPOINT" --conf spark.hadoop.fs.s3a.path.style.access=true \
  --conf spark.hadoop.fs.s3a.endpoint.region=us-east-1 \
  {STEPS} STEP {{{{ params.day }}}} {{{{ params.model }}}}
"""

with DAG(
    "bike_plain",
    schedule=None,
    start_date=pendulum.datetime(2000, 1, 1),
    params={"day": Param("2012-12-25", type="string"), "model": Param("", type="string")},
    doc_md=__doc__,
) as dag:
    wait = S3KeySensor(
        task_id="wait",
        bucket_key="s3://landfall/plain/forecast/dt={{ params.day }}/hours.csv",
        aws_conn_id="landfall_s3",
    )
    steps = [
        BashOperator(task_id=step, bash_command=SUBMIT.replace("STEP", step))
        for step in ("features", "score", "publish")
    ]

    chain(wait, *steps)
