"""The seam with Spark: a command line goes in, a report comes out, wherever the job runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from landfall.spec import Settings

Report = dict[str, object]
"""What a job did: counts and versions, small enough to travel as JSON."""


class JobRun(Protocol):
    """One job of one task, on its way at some target."""

    @property
    def where(self) -> str:
        """Where the job runs, for a person."""

    @property
    def log_hint(self) -> str:
        """How a person sees more of a job that did not end."""

    @property
    def waiting(self) -> timedelta:
        """How long the job may wait for its turn, beside its own limit."""

    def known(self) -> Mapping[str, Any] | None:
        """What an earlier try of this task has asked for and has not seen the end of; None: nothing, ask anew."""

    def run(self, ask: dict[str, Any], *, again: bool) -> Report:
        """Run the job, or take up the one that an earlier try has begun; its report.

        Args:
            ask: The command line as `argv`, and whatever else the step wants to find again.
            again: `ask` is what `known` gave.

        Raises:
            TaskDeferred: the job is waited for by a trigger of Airflow.
            LandfallError: the job's own verdict on its input, or a ComputeError when it could not be run to its end.
        """

    def stop(self) -> None:
        """Stop the job where it runs; nothing where none has begun."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job that is to run elsewhere.

    Args:
        settings: Where the servers are.
        argv: The job and its options.
        small: See `Job.small`.
        report: URL of the file that the job tells its report in.
        name: What the target is to call it: the same at each try of a task.
        token: A word of at most 64 characters that no other order has: an order given twice is one job.
    """

    settings: Settings
    argv: list[str]
    small: bool
    report: str
    name: str
    token: str

    @property
    def arguments(self) -> list[str]:
        """The whole command line of `spark_jobs`."""
        return [*self.argv, "--lake", self.settings.lake, "--report", self.report]
