"""The job of a task on the warm server. It runs in the task's own process, so a later try finds nothing to continue."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from landfall.compute.local.warm import WarmSpark
from landfall.compute.target import ReportFields
from landfall.spec import Settings


class LocalRun:
    """A `JobRun` on the warm server. `small`: see `Job.small`."""

    log_hint = "landfall ps    (then landfall logs spark)"
    waiting = timedelta(0)

    def __init__(self, settings: Settings, *, small: bool) -> None:
        self.spark, self.small = WarmSpark(remote=settings.spark_remote, lake=settings.lake), small

    @property
    def where(self) -> str:
        """The server, for a person."""
        return f"the warm server, {self.spark.address}"

    def known(self) -> Mapping[str, Any] | None:
        """Always None: a job here ends with its task's process."""
        return None

    def run(self, ask: dict[str, Any], *, again: bool) -> ReportFields:
        """Runs the job to its end with `WarmSpark.run`."""
        return self.spark.run(ask["argv"], small=self.small)

    def stop(self) -> None:
        """Stops the job's work on the server."""
        self.spark.stop()
