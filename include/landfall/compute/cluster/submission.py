"""The cluster target: spark-submit to a standalone master, YARN or Kubernetes. An Airflow connection says which.

The job runs from a zip of these sources. The cluster must have Python with those packages of `requirements.txt` that jobs import,
and Delta and s3a, in `LANDFALL_SPARK_JARS` or among its own jars. The driver reads the servers' addresses and keys from its
environment. On a standalone cluster that is the environment of the worker's process; on YARN and Kubernetes the provider passes
it on.
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
"""The Airflow connection. Its host is `spark://HOST:PORT`, `yarn` or `k8s://...`; its extra holds `deploy-mode` and more."""


SOON = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""Java options for a short job in a process of its own. Such a job spends most of its time compiling itself: it takes 66 s of CPU
up to its first Delta table, and 39 s with these options."""
FEW_ROWS = {
    **SMALL,
    "spark.cores.max": "1",
    "spark.driver.extraJavaOptions": SOON,
    "spark.executor.extraJavaOptions": SOON,
}
"""The Spark configuration with which a small job is planned and run."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The arguments of spark-submit for one job.

    Args:
        application: The Python file that is started.
        arguments: Its command line.
        py_files: The zip that it imports from.
        conf: The Spark configuration, without secrets.
        environment: The environment of the driver, with secrets.
        name: The name of the application in the cluster.
    """

    application: str
    arguments: list[str]
    py_files: str
    conf: dict[str, str]
    environment: dict[str, str]
    name: str


def submission(order: Order, folder: Path) -> Submission:
    """The submission of one job. A small job is planned for few rows, and takes one core of a standalone cluster.

    Args:
        order: The job.
        folder: The folder in which the zip of the sources is kept.
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
    """A PATH on which `spark-submit` is found: that of this Python's pyspark. Empty if it is on the present PATH."""
    if shutil.which("spark-submit"):
        return {}
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
