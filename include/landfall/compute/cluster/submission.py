"""The cluster target: spark-submit to a standalone master, YARN or Kubernetes, as an Airflow connection says.

The job runs from a zip of these sources; the cluster brings Python with the packages of `requirements.txt` that jobs import,
and Delta and s3a, in `LANDFALL_SPARK_JARS` or among its own jars. Servers' addresses and keys reach the driver by its
environment: on a standalone cluster that of the worker's process, on YARN and Kubernetes as the provider hands it on.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from landfall.compute.local.warm import SMALL
from landfall.compute.shipping import door, jobs_zip
from landfall.compute.target import Order
from landfall.spec.settings import SPARK_SECRET

CONNECTION = "landfall_spark"
"""The Airflow connection: host `spark://HOST:PORT`, `yarn` or `k8s://...`, and in its extra `deploy-mode` and more."""


SOON = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""A job of seconds in a process of its own spends most of them compiling itself: 66 s of CPU to a first Delta table, 39 so."""
FEW_ROWS = {
    **SMALL,
    "spark.cores.max": "1",
    "spark.driver.extraJavaOptions": SOON,
    "spark.executor.extraJavaOptions": SOON,
}
"""How a small job is planned, and run."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What spark-submit is told of one job.

    Args:
        application: The file that starts.
        arguments: Its command line.
        py_files: The zip that it imports from.
        conf: Spark's configuration; no secrets.
        environment: Of the driver; with secrets.
        name: What the cluster calls the application.
    """

    application: str
    arguments: list[str]
    py_files: str
    conf: dict[str, str]
    environment: dict[str, str]
    name: str


def submission(order: Order, folder: Path) -> Submission:
    """The submission of one job. A small one is planned for few rows, and asks a standalone master for one core.

    Args:
        order: The job.
        folder: Where the zip of the sources is kept.
    """
    jars = f"{order.settings.spark_jars.rstrip('/')}/*" if order.settings.spark_jars else ""
    on_path = {f"spark.{side}.extraClassPath": jars for side in ("driver", "executor")} if jars else {}
    return Submission(
        application=str(door()),
        arguments=order.arguments,
        py_files=str(jobs_zip(folder)),
        conf={"spark.log.level": "WARN", **on_path, **(FEW_ROWS if order.small else {})},
        environment={
            **order.settings.of_jobs,
            **({SPARK_SECRET: order.settings.spark_secret} if order.settings.spark_secret else {}),
            "LANDFALL_JOB": order.name,
            **_spark_of_this_environment(),
        },
        name=order.name,
    )


def _spark_of_this_environment() -> dict[str, str]:
    """Where `spark-submit` is found if it is on no path: it came with this Python's pyspark."""
    if shutil.which("spark-submit"):
        return {}
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
