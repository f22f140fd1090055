"""A Spark job that runs elsewhere. An operator of Airflow's providers submits it and waits for it. A file brings its report.

If a task is tried again because its worker died, it finds the order that it gave and the job that it started, and starts no
second job. If somebody cleared the task, it gives a new order, once a job that an earlier try left behind has ended.
"""

import hashlib
import inspect
import uuid
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import TaskDeferred

from landfall.compute.outcome import report_of
from landfall.compute.services import service_of
from landfall.compute.target import Order, ReportFields
from landfall.errors import ComputeError, LandfallError, LandingError
from landfall.json_values import Json
from landfall.spec import Settings

ASKED = "landfall_asked"
"""The key under which a task keeps its order (in Airflow's task state), from before it is submitted until the job has ended."""
NO_TRY = -1
"""Stands in a kept order for the number of the task's tries, and means that the order must not be given again."""
RESUME = "job_ended"
"""The method of the step that goes on after a trigger has seen the job end: see `RemoteJob.resume`."""


class RemoteJob:
    """A `JobRun` at a target elsewhere.

    Args:
        context: The task's context.
        settings: Where the servers are.
        target: Where the job runs.
        job: The name of the job.
        small: See `Job.small`.
        limit: The longest time that the job may take. If the operator sets no timeout of its own, a trigger waits for this time
            plus `waiting`.
    """

    log_hint = "see the job where it ran"
    waiting = timedelta(hours=1)

    def __init__(
        self,
        context: Context,
        settings: Settings,
        target: str,
        job: str,
        *,
        small: bool,
        limit: timedelta | None = None,
    ) -> None:
        self.context, self.settings, self.target, self.job, self.small = context, settings, target, job, small
        self.limit = limit + self.waiting if limit else None
        self.state = context.get("task_state_store")
        self.kept: Json | None = self.state.get(ASKED) if self.state is not None else None
        self.tries = getattr(context["ti"], "max_tries", 0)
        self.name = _name(context)
        self.key = f"_jobs/{self.name}.json"
        self.operator: BaseOperator | None = None

    @property
    def where(self) -> str:
        """The target and the job's name there, for a person."""
        return f"{self.target}, {self.name}"

    def known(self) -> Json | None:
        """What an earlier try of this task has ordered without seeing the job end; None if there is no such order."""
        # Clearing a task raises the number of its tries; a worker's death does not.
        return self.kept["ask"] if self.kept and self.kept["tries"] == self.tries else None

    def run(self, ask: Json, *, again: bool) -> ReportFields:
        """Submits the job, or continues the job that an earlier try has submitted; gives its report.

        Args:
            ask: The command line as `argv`, and all else that the step needs afterwards.
            again: True if `ask` came from `known`.

        Raises:
            TaskDeferred: a trigger waits for the job; `resume` comes next.
            LandfallError: the job's own error, or a ComputeError if it could not run to its end.
        """
        if self.kept:
            self.target = self.kept["target"] if again else self.target
            self._settle(self.kept, again=again)
        if again and self._read_report() is not None:
            return self._ended()
        if not again:
            self._forget()
            self.kept = {
                "ask": ask,
                "tries": self.tries,
                "target": self.target,
                "token": f"landfall-{uuid.uuid4().hex}",
            }
            if self.state is not None:
                self.state.set(ASKED, self.kept)
        return self._go_on(ask, "execute")

    def resume(self, ask: Json, method: str, event: object) -> ReportFields:
        """Goes on at the point where the operator deferred.

        Args:
            ask: The `ask` that was given to `run`.
            method: The operator's method.
            event: The trigger's event.

        Raises:
            TaskDeferred, LandfallError: as `run`.
        """
        return self._go_on(ask, method, event=event)

    def stop(self) -> None:
        """Stops the job and forgets it; does nothing if no job was begun."""
        if self.operator:
            self.operator.on_kill()
            self._forget()

    def give_up(self) -> None:
        """Stops a job that has taken too long and forgets it. The next try gives a new order.

        Raises:
            ComputeError: the job cannot be stopped now. The next try will stop it.
        """
        if self.kept:
            self.target = self.kept["target"]
            if self.state is not None:
                self.state.set(ASKED, {**self.kept, "tries": NO_TRY})
            self._settle(self.kept, again=False)
            self._forget()

    def _settle(self, kept: Json, *, again: bool) -> None:
        try:
            service_of(kept["target"]).settle(self._order(kept["ask"]["argv"]), again=again)
        except LandfallError:
            raise
        except Exception as error:
            raise ComputeError(
                f"It could not be found out whether `{self.name}` still runs.",
                looked=f"target {kept['target']}: {_line(error)}",
                left="no second one was started",
                next="run the task again when the target answers",
            ) from error

    def _go_on(self, ask: Json, method: str, **more: object) -> ReportFields:
        self.operator = service_of(self.target).operator(self._order(ask["argv"]), self.context["ti"].task_id)
        # The provider's operator runs inside this task. Airflow's guard against that is left out: it would only log a warning.
        work = inspect.unwrap(getattr(type(self.operator), method))
        try:
            work(self.operator, self.context, **more)
        except TaskDeferred as deferred:
            continuation = {"target": self.target, "ask": ask, "method": deferred.method_name}
            raise TaskDeferred(
                trigger=deferred.trigger,
                method_name=RESUME,
                kwargs=continuation,
                timeout=deferred.timeout or self.limit,
            ) from None
        except Exception as error:
            raise self._failed(error) from error
        return self._ended()

    def _order(self, argv: list[str]) -> Order:
        return Order(
            settings=self.settings,
            argv=argv,
            small=self.small,
            report=f"{self.settings.lake}/{self.key}",
            name=self.name,
            token=self.kept["token"] if self.kept else "",
        )

    def _ended(self) -> ReportFields:
        content = self._read_report()
        if content is None:
            raise ComputeError(
                f"The Spark job `{self.job}` ended without a report.",
                looked=f"{self.settings.lake}/{self.key}",
                left="what it wrote stays, nothing was published",
                next="run the task again; its log names the application, whose own log says more",
            )
        self._forget()
        return report_of(self.job, content)

    def _failed(self, error: Exception) -> LandfallError:
        """The job's own error if the job has reported one; else a ComputeError that it did not finish."""
        content, kept = self._read_report(), self.kept
        self._forget()
        if content is not None:
            try:
                report_of(self.job, content)
            except LandfallError as own:
                return own
        if kept and self.state is not None and self._has_begun():
            # Nobody has seen the job end: the next try gives a new order, once nothing is left of this job.
            self.state.set(ASKED, {**kept, "tries": NO_TRY})
        return ComputeError(
            f"The Spark job `{self.job}` did not finish.",
            looked=f"target {self.target}, {self.name}: {_line(error)}",
            left="its partitions are as they were before, what was published stays",
            next="see this task's log, and the job's own where it ran",
        )

    def _has_begun(self) -> bool:
        """True if the operator has the id of a run."""
        return any(getattr(self.operator, name, None) for name in ("run_id", "job_id"))

    def _read_report(self) -> bytes | None:
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
        """Removes the report and the state, so that nobody takes those of an earlier job for those of a later one."""
        store: Any = self._store()
        store.delete_object(Bucket=self.settings.s3.bucket, Key=self.key)
        if self.state is not None:
            self.state.clear()

    def _store(self) -> Any:
        from landfall.objects.client import connect

        return connect(self.settings.s3)


def _line(error: Exception) -> str:
    """The first line of an error, or its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:400]


def _name(context: Context) -> str:
    """A name for the task's job. No other task has it, it is short enough for every target, and it is the same at every try."""
    ti = context["ti"]
    whole = f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{getattr(ti, 'map_index', -1)}"
    return f"landfall-{ti.dag_id}-{ti.task_id}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
