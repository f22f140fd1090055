"""A job of a task on the warm server: it runs in the task's own process, so nothing of it is left to take up again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from landfall.compute.local.warm import WarmSpark
from landfall.compute.target import Report
from landfall.spec import Settings


class LocalRun:
    """A `JobRun` on the warm server. `small`: see `Job.small`."""

    log_hint = "landfall ps    (then landfall logs spark)"
    waiting = timedelta(0)

    def __init__(self, settings: Settings, *, small: bool) -> None:
        self.spark, self.small = WarmSpark(remote=settings.spark_remote, lake=settings.lake), small

    @property
    def where(self) -> str:
        """The server."""
        return f"the warm server, {self.spark.address}"

    def known(self) -> Mapping[str, Any] | None:
        """Nothing: a job here ends with its task's process."""
        return None

    def run(self, ask: dict[str, Any], *, again: bool) -> Report:
        """Run the job to its end; see `WarmSpark.run`."""
        return self.spark.run(ask["argv"], small=self.small)

    def stop(self) -> None:
        """Stop on the server what the job has under way there."""
        self.spark.stop()
