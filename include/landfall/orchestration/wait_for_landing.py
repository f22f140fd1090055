"""Wait for a partition's objects in S3 without holding a worker.

The provider's deferrable key sensor, with two changes: the wait ends in the triggerer (no worker process resumes only to
say so), and its errors say what to do. Polls every second while it waits.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.amazon.aws.triggers.s3 import S3KeyTrigger
from airflow.sdk import Context
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from landfall.errors import LandingError
from landfall.orchestration.run_partition import PARTITION
from landfall.spec import Landing, Settings

CONNECTION = "landfall_s3"
LEFT = "the wait is tried again; what has landed stays, what was published stays"


class LandingTrigger(S3KeyTrigger):
    """The provider's trigger, ending the task by itself when a key is there."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.LandingTrigger", super().serialize()[1]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: success, which ends the task, or the error for `execute_complete`."""
        async for event in super().run():
            yield TaskSuccessEvent() if event.payload["status"] == "success" else event


class LandingSensor(S3KeySensor):
    """Succeeds when an object lies in the partition's folder; the deferral ends after `timeout`."""

    def __init__(self, *, landing: Landing, **kwargs: Any) -> None:
        super().__init__(
            bucket_key=f"{landing.prefix}/dt={PARTITION}/*",
            wildcard_match=True,
            deferrable=True,
            aws_conn_id=CONNECTION,
            poke_interval=1,
            timeout=timedelta(days=7).total_seconds(),
            **kwargs,
        )
        self.landing = landing

    def execute(self, context: Context) -> None:
        """Look once, then wait in the triggerer.

        Raises:
            LandingError: the bucket is missing, the credentials are wrong or S3 does not answer.
        """
        from landfall.landing.store import connect
        from landfall.landing.store_errors import translated

        s3 = Settings.read().s3
        self.bucket_name = s3.bucket
        folder = str(self.bucket_key).rstrip("*")
        with translated(f"Waiting for `{folder}`", bucket=s3.bucket, endpoint=s3.endpoint, left=LEFT):
            if connect(s3).list_objects_v2(Bucket=s3.bucket, Prefix=folder, MaxKeys=1).get("KeyCount"):
                return
        self._defer()

    def _defer(self) -> None:
        self.defer(
            timeout=timedelta(seconds=self.timeout),
            trigger=LandingTrigger(
                bucket_name=self.bucket_name or "",
                bucket_key=self.bucket_key,
                wildcard_match=True,
                aws_conn_id=CONNECTION,
                poke_interval=self.poke_interval,
            ),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Only an error resumes the task.

        Raises:
            LandingError: what the triggerer met.
        """
        raise LandingError(
            f"Waiting for `{self.bucket_key}` failed: {event.get('message', event)}",
            looked=f"bucket {Settings.read().s3.bucket}",
            left=LEFT,
            next="landfall ps",
        )


def wait_for_landing(landing: Landing) -> LandingSensor:
    """The first task of a partition's run: wait until an object lies in its folder."""
    return LandingSensor(task_id="wait_for_landing", landing=landing)
