"""The databricks target starts runs of the Jobs API through the Databricks provider's operators, which wait in the triggerer."""

import time
from typing import Any

from airflow.sdk import BaseOperator

from landfall.compute.connections import connection
from landfall.compute.databricks.workspace import CONNECTION, Workspace
from landfall.compute.target import Order

PAUSE = 2.0
"""Seconds between two requests for the state of a run that is being cancelled."""


def operator(order: Order, task_id: str) -> BaseOperator:
    """The operator that submits one job, or runs the workspace's own job, and defers until it has ended."""
    from airflow.providers.databricks.operators.databricks import (
        DatabricksRunNowOperator,
        DatabricksSubmitRunOperator,
    )

    workspace = Workspace.read(connection(CONNECTION).extra_dejson)
    common: dict[str, Any] = {
        "task_id": task_id,
        "databricks_conn_id": CONNECTION,
        "polling_period_seconds": workspace.poll_seconds,
        "deferrable": True,
    }
    if workspace.job_id:
        return DatabricksRunNowOperator(json=workspace.run_now(order), repair_run=workspace.repair, **common)
    return DatabricksSubmitRunOperator(json=workspace.submitted(order), **common)


def settle(earlier: Order, *, again: bool) -> None:
    """Cancels the run of an earlier order, and waits until it has ended.

    If the same order is given again, this does nothing: the order has the same token, and for that token Databricks gives back
    the run that it has. The run of an earlier order is looked up by its token too. If it never started, Databricks starts it
    here, and it is cancelled at once.
    """
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    if again:
        return
    workspace = Workspace.read(connection(CONNECTION).extra_dejson)
    hook = DatabricksHook(CONNECTION, caller="landfall")
    run = (
        hook.run_now(workspace.run_now(earlier)) if workspace.job_id else hook.submit_run(workspace.submitted(earlier))
    )
    if not hook.get_run_state(run).is_terminal:
        hook.cancel_run(run)
    while not hook.get_run_state(run).is_terminal:
        time.sleep(PAUSE)
