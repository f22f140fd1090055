"""The seam with Spark: a command line goes in, a report comes out."""

from dataclasses import dataclass
from typing import Protocol

from landfall.spec import Settings

Report = dict[str, object]
"""What a job did: counts and versions, small enough to travel as JSON."""


class ComputeTarget(Protocol):
    """A place that runs Spark jobs."""

    def run(self, argv: list[str], *, small: bool = False) -> Report:
        """Run `python -m spark_jobs ARGV` there and give its report. `small`: see `Job.small`.

        Raises:
            LandfallError: the job's own verdict on its input, or a ComputeError when Spark failed or is away.
        """


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
