"""The emr target: job runs of EMR Serverless, by the Amazon provider's operator, waited for in the triggerer."""

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
"""The longest that an application may let a run wait for others, before the time of the run itself begins."""
PAUSE = 2.0
"""Seconds between two looks at runs that are being cancelled."""
RUN = "landfall_emr_run"
"""Where a task keeps the id of its run (Airflow's task state), for the error of a run that failed."""


def operator(order: Order, task_id: str) -> BaseOperator:
    """The operator that starts the application if it is stopped, submits one job, and defers until the run has ended.

    EMR ends a run after `timeout_minutes`. The wait gives up later, after as long in the queue as an application may allow:
    so no run outlives its wait.
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
        do_xcom_push=False,  # its links are no step's
    )


def settle(earlier: Order, *, again: bool) -> None:
    """Cancel the runs of an earlier order, and wait until they have ended.

    An order that is given again has the token of its run, which EMR then gives back: nothing is to be done.
    """
    if again:
        return
    application = Application.read(connection(CONNECTION).extra_dejson)
    with _asked(earlier.name):
        end_runs(EmrServerlessHook(aws_conn_id=CONNECTION).conn, application.application_id, earlier.name)


def end_runs(client: Any, application_id: str, name: str) -> list[str]:
    """Cancel the runs of a name that go on and wait until they have ended; their ids, none where none went on.

    It waits as long as EMR takes, at most the run's own timeout.
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
    """The provider's operator, that says why a run did not succeed and leaves none behind.

    In provider 9.39 the event of such a run has no `job_details`: `execute_complete` raises a KeyError in place of a reason
    and cancels nothing, also where a poll has failed and the run goes on. And an application that could not be started
    is started again, for ever.
    """

    def execute(self, context: Context, event: dict[str, Any] | None = None) -> str | None:
        """Submit the job; `event` is there when the application was waited for."""
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
        """The id of the run; its reason as an error if it did not succeed."""
        if event and event.get("status") == "success":
            return super().execute_complete(context, event)
        client, told = self.hook.conn, (event or {}).get("message", "the trigger told nothing")
        if ended := end_runs(client, self.application_id, self.name):
            raise RuntimeError(f"{told}; cancelled: {', '.join(ended)}")
        state = context.get("task_state_store")
        if state is None or not (known := state.get(RUN)):
            raise RuntimeError(told)
        run = client.get_job_run(applicationId=self.application_id, jobRunId=known)["jobRun"]
        raise RuntimeError(f"job run {known} is {run['state']}: {run.get('stateDetails') or told}")


def _going(client: Any, application_id: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_job_runs").paginate(applicationId=application_id, states=list(GOING)):
        yield from page["jobRuns"]


def _cancel(client: Any, application_id: str, run: dict[str, Any]) -> None:
    if run["state"] == "CANCELLING":
        return
    with suppress(client.exceptions.ValidationException):  # it has ended meanwhile; if it has not, it is waited for
        client.cancel_job_run(applicationId=application_id, jobRunId=run["id"])


@contextmanager
def _asked(name: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ComputeError(
            f"Whether `{name}` still runs could not be asked.",
            looked=f"EMR Serverless ({type(error).__name__}: {error})",
            left="no second one was started",
            next=f"see to the connection {CONNECTION} and to what its principal may do (docs/compute/emr.md)",
        ) from error
