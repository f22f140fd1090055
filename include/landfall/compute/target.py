"""The interface to Spark: a command line goes in and a report comes out, wherever the job runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from landfall.spec import Settings

ReportFields = dict[str, object]
"""Field -> value of a job's report: counts and versions, small enough to travel as JSON."""


class JobRun(Protocol):
    """The job of one task, at some target."""

    @property
    def where(self) -> str:
        """Where the job runs, for a person."""

    @property
    def log_hint(self) -> str:
        """How a person can see more of a job that did not finish."""

    @property
    def waiting(self) -> timedelta:
        """How long the job may wait for its turn, in addition to its own limit."""

    def known(self) -> Mapping[str, Any] | None:
        """The `ask` of an earlier try of this task that has not seen the job end. None: there is none, so ask anew."""

    def run(self, ask: dict[str, Any], *, again: bool) -> ReportFields:
        """Runs the job, or continues the job that an earlier try has begun. Gives its report.

        Args:
            ask: The command line as `argv`, and all else that the step needs afterwards.
            again: True if `ask` came from `known`.

        Raises:
            TaskDeferred: a trigger of Airflow waits for the job.
            LandfallError: the job's own error about its input, or a ComputeError if it could not run to its end.
        """

    def stop(self) -> None:
        """Stops the job where it runs. Does nothing if no job was begun."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job that is to run elsewhere.

    Args:
        settings: Where the servers are.
        argv: The name of the job and its options.
        small: See `Job.small`.
        report: The URL of the file to which the job writes its report.
        name: The job's name at the target. It is the same at every try of a task.
        token: A word of at most 64 characters that no other order has. By it the target sees that an order given twice is one
            job.
    """

    settings: Settings
    argv: list[str]
    small: bool
    report: str
    name: str
    token: str

    @property
    def arguments(self) -> list[str]:
        """The complete command line of `spark_jobs`."""
        return [*self.argv, "--lake", self.settings.lake, "--report", self.report]
