"""The cluster target runs spark-submit through the Spark provider's operator."""

from pathlib import Path

from airflow.sdk import BaseOperator, Connection

from landfall.compute.cluster.submission import CONNECTION, submission
from landfall.compute.connections import connection
from landfall.compute.target import Order


def operator(order: Order, task_id: str) -> BaseOperator:
    """The operator that submits one job.

    If the driver runs on the cluster (YARN, Kubernetes), the operator keeps its id in the task's state and finds it again. If
    the driver runs in this worker, on a standalone cluster, the application is found by its unique name.
    """
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    cluster = connection(CONNECTION)
    extra = cluster.extra_dejson
    submitted = submission(order, Path.home() / ".cache" / "landfall" / "jobs")
    return SparkSubmitOperator(
        task_id=task_id,
        conn_id=CONNECTION,
        application=submitted.application,
        application_args=submitted.arguments,
        py_files=submitted.py_files,
        conf=submitted.conf,
        env_vars=submitted.environment,
        name=submitted.name,
        yarn_track_via_rm_api="yarn_resourcemanager_webapp_address" in extra,
        track_driver_via_k8s_api=_master(cluster).startswith("k8s") and extra.get("deploy-mode") == "cluster",
    )


def settle(earlier: Order, *, again: bool) -> None:
    """Waits until the application of an earlier try has ended, if the master can look it up by name."""
    from landfall.compute.cluster.standalone import wait_for_application, web_address

    cluster = connection(CONNECTION)
    if address := web_address(_master(cluster), cluster.extra_dejson):
        wait_for_application(address, earlier.name)


def _master(cluster: Connection) -> str:
    """The master's address, put together as the provider's hook does it."""
    return f"{cluster.host}:{cluster.port}" if cluster.port else str(cluster.host or "")
