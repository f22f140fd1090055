"""The seam with Spark: a command line goes in, a report comes out."""

from typing import Protocol

Report = dict[str, object]
"""What a job did: counts and versions, small enough to travel as JSON."""


class ComputeTarget(Protocol):
    """A place that runs Spark jobs."""

    def run(self, argv: list[str], *, small: bool = False) -> Report:
        """Run `python -m spark_jobs ARGV` there and give its report. `small`: see `Job.small`.

        Raises:
            LandfallError: the job's own verdict on its input, or a ComputeError when Spark failed or is away.
        """
