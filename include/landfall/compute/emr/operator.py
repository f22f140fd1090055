"""The emr target starts job runs of EMR Serverless through the Amazon provider's operator, which waits in the triggerer."""

import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from airflow.providers.amazon.aws.hooks.emr import EmrServerlessHook
from airflow.providers.amazon.aws.operators.emr import EmrServerlessStartJobOperator
from airflow.sdk import BaseOperator, Context

from landfall.compute.connections import connection
from landfall.compute.emr.application import CONNECTION, Application
from landfall.compute.target import Order
from landfall.errors import ComputeError

GOING = ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING")
"""The states of a run that has not ended. The provider's hook counts CANCELLING as ended and leaves QUEUED out."""
QUEUED_MINUTES = 720
"""The longest that an application may let a run queue, before the run's own time begins."""
PAUSE = 2.0
"""Seconds between two requests for the state of runs that are being cancelled."""
RUN = "landfall_emr_run"
"""The key under which a task keeps the id of its run (in Airflow's task state), for the error of a run that failed."""


def operator(order: Order, task_id: str) -> BaseOperator:
    """The operator that starts a stopped application, submits one job, and defers until the run has ended.

    EMR ends a run after `timeout_minutes`. The wait gives up later, after the longest queue that an application may allow, so
    no run outlives its wait.
    """
    application = Application.read(connection(CONNECTION).extra_dejson)
    patience = (application.timeout_minutes + QUEUED_MINUTES) * 60
    return StartJob(
        task_id=task_id,
        aws_conn_id=CONNECTION,
        application_id=application.application_id,
        execution_role_arn=application.execution_role_arn,
        job_driver=application.job_driver(order),
        configuration_overrides=application.configuration_overrides(order),
        config={"executionTimeoutMinutes": application.timeout_minutes},
        client_request_token=order.token,
        name=order.name,
        waiter_delay=application.poll_seconds,
        waiter_max_attempts=-(-patience // application.poll_seconds),
        deferrable=True,
        do_xcom_push=False,  # the provider's links do not fit a step
    )


def settle(earlier: Order, *, again: bool) -> None:
    """Cancels the runs of an earlier order, and waits until they have ended.

    If the same order is given again, this does nothing: the order has the same token, and for that token EMR gives back the run
    that it has.
    """
    if again:
        return
    application = Application.read(connection(CONNECTION).extra_dejson)
    with _explained(earlier.name):
        end_runs(EmrServerlessHook(aws_conn_id=CONNECTION).conn, application.application_id, earlier.name)


def end_runs(client: Any, application_id: str, name: str) -> list[str]:
    """Cancels the active runs called `name` and waits until they have ended. Gives their ids; none if no run was active.

    It waits as long as EMR takes, and at most for the run's own timeout.
    """
    ended: list[str] = []
    while left := [run for run in _going(client, application_id) if run.get("name") == name]:
        for run in left:
            if run["id"] not in ended:
                ended.append(run["id"])
                _cancel(client, application_id, run)
        time.sleep(PAUSE)
    return ended


class StartJob(EmrServerlessStartJobOperator):
    """The provider's operator, changed so that it says why a run did not succeed, and leaves no run behind.

    In provider 9.39 the event of a run that failed has no `job_details`. So `execute_complete` raises a KeyError instead of the
    reason. It cancels nothing, even if only a poll has failed and the run goes on. And if an application could not be started,
    the provider starts it again for ever.
    """

    def execute(self, context: Context, event: dict[str, Any] | None = None) -> str | None:
        """Submits the job. `event` is given if a trigger has waited for the application to start."""
        if event and event.get("status") != "success":
            raise RuntimeError(event.get("message", "the application could not be started"))
        try:
            # Without Airflow's guard against operators in operators: see `RemoteJob`.
            run: str | None = inspect.unwrap(EmrServerlessStartJobOperator.execute)(self, context, event)
            return run
        finally:
            if self.job_id and (state := context.get("task_state_store")) is not None:
                state.set(RUN, self.job_id)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """The id of the run. If the run did not succeed, raises a RuntimeError with the reason."""
        if event and event.get("status") == "success":
            return super().execute_complete(context, event)
        client, message = self.hook.conn, (event or {}).get("message", "the trigger gave no reason")
        if ended := end_runs(client, self.application_id, self.name):
            raise RuntimeError(f"{message}; cancelled: {', '.join(ended)}")
        state = context.get("task_state_store")
        if state is None or not (run_id := state.get(RUN)):
            raise RuntimeError(message)
        run = client.get_job_run(applicationId=self.application_id, jobRunId=run_id)["jobRun"]
        raise RuntimeError(f"job run {run_id} is {run['state']}: {run.get('stateDetails') or message}")


def _going(client: Any, application_id: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_job_runs").paginate(applicationId=application_id, states=list(GOING)):
        yield from page["jobRuns"]


def _cancel(client: Any, application_id: str, run: dict[str, Any]) -> None:
    if run["state"] == "CANCELLING":
        return
    with suppress(
        client.exceptions.ValidationException
    ):  # the run has ended meanwhile; if not, the caller waits for it
        client.cancel_job_run(applicationId=application_id, jobRunId=run["id"])


@contextmanager
def _explained(name: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ComputeError(
            f"It could not be found out whether `{name}` still runs.",
            looked=f"EMR Serverless ({type(error).__name__}: {error})",
            left="no second one was started",
            next=f"check the connection {CONNECTION} and the rights of its principal (docs/compute/emr.md)",
        ) from error
