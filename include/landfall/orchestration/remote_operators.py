"""The operators of Airflow's providers that run a job elsewhere, made from what `landfall.compute` says of each target."""

from pathlib import Path

from airflow.sdk import BaseHook, BaseOperator, Connection

from landfall.errors import SettingsError
from landfall.spec import Settings


def operator_for(
    target: str, task_id: str, settings: Settings, argv: list[str], *, small: bool, report: str, name: str
) -> BaseOperator:
    """The operator that runs one job, and waits for it.

    Args:
        target: Where.
        task_id: The task that it runs in.
        settings: Where the servers are.
        argv: The job and its options.
        small: See `Job.small`.
        report: URL of the file that the job tells its report in.
        name: What the target is to call it.

    Raises:
        SettingsError: the connection of the target is missing.
    """
    return {"cluster": _cluster}[target](task_id, settings, argv, small=small, report=report, name=name)


def await_earlier(target: str, name: str) -> None:
    """Wait for the job that an earlier try submitted under this name, where its target knows jobs by their names alone.

    Raises:
        SettingsError: the connection of the target is missing. ComputeError: the target cannot be asked.
    """
    from landfall.compute.cluster import CONNECTION
    from landfall.compute.standalone import wait_for_application, web_address

    if target == "cluster":
        connection = _connection(CONNECTION)
        if address := web_address(_master(connection), connection.extra_dejson):
            wait_for_application(address, name)


def _cluster(task_id: str, settings: Settings, argv: list[str], *, small: bool, report: str, name: str) -> BaseOperator:
    """spark-submit, by the provider's operator.

    Where the driver runs on the cluster (YARN, Kubernetes) the operator keeps its id in the task's state, and takes it up
    again. Where it runs in this worker, on a standalone cluster, the application has a name of its own.
    """
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    from landfall.compute.cluster import CONNECTION, submission

    connection = _connection(CONNECTION)
    master, extra = _master(connection), connection.extra_dejson
    folder = Path.home() / ".cache" / "landfall" / "jobs"
    what = submission(settings, argv, small=small, report=report, name=name, folder=folder)
    return SparkSubmitOperator(
        task_id=task_id,
        conn_id=CONNECTION,
        application=what.application,
        application_args=what.arguments,
        py_files=what.py_files,
        conf=what.conf,
        env_vars=what.environment,
        name=what.name,
        yarn_track_via_rm_api="yarn_resourcemanager_webapp_address" in extra,
        track_driver_via_k8s_api=master.startswith("k8s") and extra.get("deploy-mode") == "cluster",
    )


def _master(connection: Connection) -> str:
    """The master as the provider's hook reads it."""
    return f"{connection.host}:{connection.port}" if connection.port else str(connection.host or "")


def _connection(name: str) -> Connection:
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        variable = f"AIRFLOW_CONN_{name.upper()}"
        raise SettingsError(
            f"The Airflow connection `{name}` is missing.",
            looked=f"Airflow's connections, and the variable {variable}",
            left="nothing was started",
            next=f"airflow connections add {name} ...    (docs/compute/ has one for each target)",
        ) from error
