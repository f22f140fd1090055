"""A Spark job that runs elsewhere: submitted and waited for by an operator of Airflow's providers, told of by a file.

A task that is tried again because its worker died finds what it had asked for, and the job that it had started: it does not
start another beside it. A task that somebody cleared asks anew, once a job that such a worker had left has ended.
"""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseOperator, Context

from landfall.compute.outcome import report_of
from landfall.compute.target import Report
from landfall.errors import ComputeError, LandfallError, LandingError
from landfall.spec import Settings

Json = dict[str, Any]
ASKED = "landfall_asked"
"""Where a task keeps what it has asked for, from before it is submitted until it has ended (Airflow's task state)."""


class RemoteJob:
    """One job of one task.

    Args:
        context: Of the task.
        settings: Where the servers are.
        target: Where the job runs.
        job: Its name.
        small: See `Job.small`.
    """

    def __init__(self, context: Context, settings: Settings, target: str, job: str, *, small: bool) -> None:
        self.context, self.settings, self.target, self.job, self.small = context, settings, target, job, small
        self.state = context.get("task_state_store")
        self.kept: Json | None = self.state.get(ASKED) if self.state is not None else None
        self.tries = getattr(context["ti"], "max_tries", 0)
        self.name = _name(context)
        self.key = f"_jobs/{self.name}.json"
        self.operator: BaseOperator | None = None

    def known(self) -> Json | None:
        """What an earlier try of this task has asked for and has not seen the end of."""
        # Clearing a task raises the number of its tries; a worker's death does not.
        return self.kept["ask"] if self.kept and self.kept["tries"] == self.tries else None

    def run(self, argv: list[str], ask: Json, *, again: bool) -> Report:
        """Submit the job, or take up the one that an earlier try had submitted; its report.

        Raises:
            LandfallError: the job's own verdict, or a ComputeError if it could not be run to its end.
        """
        from landfall.orchestration.remote_operators import await_earlier, operator_for

        if self.kept:
            await_earlier(self.target, self.name)
        if again and self._told() is not None:
            return self._ended()
        if not again:
            self._forget()
            if self.state is not None:
                self.state.set(ASKED, {"ask": ask, "tries": self.tries})
        self.operator = operator_for(
            self.target,
            self.context["ti"].task_id,
            self.settings,
            argv,
            small=self.small,
            report=f"{self.settings.lake}/{self.key}",
            name=self.name,
        )
        # The provider's operator runs inside this task; Airflow's guard against that would only log a warning each time.
        execute: Callable[..., object] = inspect.unwrap(type(self.operator).execute)
        try:
            execute(self.operator, self.context)
        except Exception as error:
            raise self._failed(error) from error
        return self._ended()

    def stop(self) -> None:
        """Stop the job, and forget it."""
        if self.operator:
            self.operator.on_kill()
        self._forget()

    def _ended(self) -> Report:
        told = self._told()
        if told is None:
            raise ComputeError(
                f"The Spark job `{self.job}` ended and told nothing.",
                looked=f"{self.settings.lake}/{self.key}",
                left="what it wrote stays, nothing was published",
                next="run the task again; its log names the application, whose own log says more",
            )
        self._forget()
        return report_of(self.job, told)

    def _failed(self, error: Exception) -> LandfallError:
        """The job's own error if it could still tell it, else that of whoever ran it."""
        from spark_jobs.outcome import job_failed

        told = self._told()
        self._forget()
        if told is not None:
            try:
                report_of(self.job, told)
            except LandfallError as own:
                return own
        text = str(error) or type(error).__name__
        return job_failed(self.job, text, f"target {self.target}, application {self.name}", "see this task's log")

    def _told(self) -> bytes | None:
        from botocore.exceptions import ClientError

        store: Any = self._store()
        try:
            body: bytes = store.get_object(Bucket=self.settings.s3.bucket, Key=self.key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                return None
            raise LandingError(f"`{self.settings.lake}/{self.key}` could not be read.", looked=str(error)) from error
        return body

    def _forget(self) -> None:
        """Neither a report nor a state of an earlier job is left to be taken for this one's."""
        store: Any = self._store()
        store.delete_object(Bucket=self.settings.s3.bucket, Key=self.key)
        if self.state is not None:
            self.state.clear()

    def _store(self) -> Any:
        from landfall.landing.store import connect

        return connect(self.settings.s3)


def _name(context: Context) -> str:
    """A name of the task that no other task has, short enough for every target, and the same at each try."""
    ti = context["ti"]
    whole = f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{getattr(ti, 'map_index', -1)}"
    return f"landfall-{ti.dag_id}-{ti.task_id}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
