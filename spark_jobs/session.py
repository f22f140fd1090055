"""The session of a job that has its own process: on a cluster, on a managed service, or on this machine."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from landfall.errors import ComputeError
from landfall.spec.settings import PLAIN, SECRET, SPARK_GUARD, SPARK_SECRET

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LAKE = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.databricks.delta.snapshotPartitions": "2",
}
"""The settings that every job needs in its session."""


CONNECTED = ("SPARK_CONNECT_MODE_ENABLED", "SPARK_LOCAL_REMOTE", "SPARK_REMOTE")
"""What pyspark sets in a process that has used Spark Connect; a driver that this process submits would look for a server."""


def open_session(job: str) -> "SparkSession":
    """The session of the service that started this process, else a new one: on a Connect server if one is named, else local."""
    env = os.environ
    submitted = "SPARK_ENV_LOADED" in env or "PYSPARK_GATEWAY_PORT" in env
    for name in CONNECTED if submitted else ():
        env.pop(name, None)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(session_name(job))
    if "DATABRICKS_RUNTIME_VERSION" in env:
        return builder.getOrCreate()
    if not submitted and (remote := env.get("LANDFALL_SPARK_REMOTE")):
        return builder.remote(remote).getOrCreate()
    for name, value in {**LAKE, **store_settings(env), **guard_settings(env)}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def take_secrets(scope: str) -> None:
    """Copies what jobs read from their environment from a Databricks secret scope, unless it is set already or not there.

    A serverless run has no environment of its own, and keys must not be on its command line.

    Raises:
        ComputeError: there is no such scope, or it cannot be read.
    """
    from databricks.sdk.runtime import dbutils

    try:
        existing = {secret.key for secret in dbutils.secrets.list(scope)}
        for name in (*PLAIN, *SECRET):
            if name in existing and name not in os.environ:
                os.environ[name] = dbutils.secrets.get(scope, name)
    except Exception as error:  # whatever the workspace's library raises
        raise ComputeError(
            f"The secrets of the scope `{scope}` could not be read.",
            looked=f"{type(error).__name__}: {str(error)[:300]}",
            left="nothing was written",
            next="give the run's principal READ on the scope (docs/compute/databricks.md)",
        ) from error


def session_name(job: str) -> str:
    """The name of the job's application; whoever submits the job may choose it (`LANDFALL_JOB`)."""
    return os.environ.get("LANDFALL_JOB", f"landfall {job}")


def guard_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Spark's settings for a standalone cluster that demands a secret; empty if the environment has none.

    The driver sets them, not spark-submit, where the secret would be on a command line. Spark leaves the secret out of the
    executors' settings, and hides it in its log and on its pages.
    """
    if not (secret := env.get(SPARK_SECRET)):
        return {}
    return {**SPARK_GUARD, "spark.authenticate.secret": secret}


def store_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Spark's settings for an object store other than Amazon's, or for keys in the environment.

    The keys travel with the job's configuration to its executors; Spark hides them in its log and in its UI.
    """
    settings: dict[str, str] = {}
    if endpoint := env.get("LANDFALL_S3_ENDPOINT"):
        settings |= {
            "spark.hadoop.fs.s3a.endpoint": endpoint,
            "spark.hadoop.fs.s3a.endpoint.region": env.get("AWS_DEFAULT_REGION", "us-east-1"),
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.bucket.probe": "0",
        }
    if env.get("AWS_ACCESS_KEY_ID") and env.get("AWS_SECRET_ACCESS_KEY"):
        settings |= {
            "spark.hadoop.fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
            "spark.hadoop.fs.s3a.access.key": env["AWS_ACCESS_KEY_ID"],
            "spark.hadoop.fs.s3a.secret.key": env["AWS_SECRET_ACCESS_KEY"],
        }
    return settings
