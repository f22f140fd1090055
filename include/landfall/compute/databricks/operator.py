"""The databricks target: runs of the Jobs API, by the Databricks provider's operators, waited for in the triggerer."""

import time
from typing import Any

from airflow.sdk import BaseOperator

from landfall.compute.connections import connection
from landfall.compute.databricks.workspace import CONNECTION, Workspace
from landfall.compute.target import Order

PAUSE = 2.0
"""Seconds between two looks at a run that is being cancelled."""


def operator(order: Order, task_id: str) -> BaseOperator:
    """The operator that submits one job, or runs the workspace's own, and defers until it has ended."""
    from airflow.providers.databricks.operators.databricks import (
        DatabricksRunNowOperator,
        DatabricksSubmitRunOperator,
    )

    workspace = Workspace.read(connection(CONNECTION).extra_dejson)
    same: dict[str, Any] = {
        "task_id": task_id,
        "databricks_conn_id": CONNECTION,
        "polling_period_seconds": workspace.poll_seconds,
        "deferrable": True,
    }
    if workspace.job_id:
        return DatabricksRunNowOperator(json=workspace.run_now(order), repair_run=workspace.repair, **same)
    return DatabricksSubmitRunOperator(json=workspace.submitted(order), **same)


def settle(earlier: Order, *, again: bool) -> None:
    """Cancel the run of an earlier order, and wait until it has ended.

    An order that is given again has the token of its run, which Databricks then gives back: nothing is to be done. So is
    the run of an earlier order found here; had there been none, one begins that is cancelled at once.
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
