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

from landfall.compute.local import SMALL
from landfall.compute.shipping import door, jobs_zip
from landfall.spec import Settings

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


def submission(settings: Settings, argv: list[str], *, small: bool, report: str, name: str, folder: Path) -> Submission:
    """The submission of one job.

    Args:
        settings: Where the servers are.
        argv: The job and its options.
        small: See `Job.small`: it is planned for few rows, and asks a standalone master for one core.
        report: URL of the file that the job tells its report in.
        name: What the cluster is to call it.
        folder: Where the zip is kept.
    """
    jars = f"{settings.spark_jars.rstrip('/')}/*" if settings.spark_jars else ""
    on_path = {f"spark.{side}.extraClassPath": jars for side in ("driver", "executor")} if jars else {}
    return Submission(
        application=str(door()),
        arguments=[*argv, "--lake", settings.lake, "--report", report],
        py_files=str(jobs_zip(folder)),
        conf={"spark.log.level": "WARN", **on_path, **(FEW_ROWS if small else {})},
        environment={**settings.of_jobs, "LANDFALL_JOB": name, **_spark_of_this_environment()},
        name=name,
    )


def _spark_of_this_environment() -> dict[str, str]:
    """Where `spark-submit` is found if it is on no path: it came with this Python's pyspark."""
    if shutil.which("spark-submit"):
        return {}
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
