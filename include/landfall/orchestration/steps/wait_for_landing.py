"""Waits for a partition's objects without a worker: the task starts in the triggerer and ends there.

benchmarks/results/ten_thousand_waits.md says what this costs; `landfall.landing.waiting.lister` says how often it looks. A
worker runs only to fail the task: with an error that does not go away, or if nothing has landed in time.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout
from airflow.triggers.base import StartTriggerArgs

from landfall.errors import LandfallError, LandingError, from_dict
from landfall.landing.landed import lacks_now
from landfall.objects.client import connect
from landfall.orchestration.landing_trigger import LandingTrigger
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import partition_landed
from landfall.orchestration.lineage.provider import TellsLineage
from landfall.orchestration.steps.run_partition import partition_of
from landfall.spec import Calendar, Landing, Partition, Settings

PATIENCE = timedelta(days=7)
"""How long a run waits for its partition."""


class LandingSensor(TellsLineage, BaseSensorOperator):
    """Succeeds when the partition is ready, as `Landing.ready` says; fails after seven days.

    No worker renders its template: the task's log names the folder from the start, the rendered template only after a worker
    was needed.
    """

    template_fields: Sequence[str] = ("folder",)
    start_from_trigger = True
    deferrable = True

    def __init__(self, *, landing: Landing, **kwargs: Any) -> None:
        super().__init__(timeout=PATIENCE.total_seconds(), **kwargs)
        self.landing, self.folder = landing, f"{landing.prefix}/{landing.folder_format}/"
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"{LandingTrigger.__module__}.LandingTrigger",
            trigger_kwargs={"landing": landing.to_json()},
            next_method="execute_complete",
            timeout=PATIENCE,
        )

    @property
    def calendar(self) -> Calendar:
        """The partitions of its landing."""
        return self.landing.calendar

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Renders the folder that the run looks at; keeps the declared pattern if the run has no partition."""
        with suppress(LandfallError):
            self.folder = self.landing.folder(partition_of(context, self.calendar))

    def execute(self, context: Context) -> None:
        """For a process that was started nevertheless, as by `airflow dags test`: looks, and waits in the triggerer if needed.

        For data that has landed already, the triggerer would end the wait before `airflow dags test` has noted that the task
        waits, which would fail it.
        """
        partition = partition_of(context, self.calendar)
        settings = Settings.read()
        if not lacks_now(connect(settings.s3), settings.s3.bucket, self.landing, partition):
            self.log.info("`%s` has landed", self.landing.folder(partition))
            return
        trigger = LandingTrigger(landing=self.landing.to_json(), partition=str(partition))
        self.defer(trigger=trigger, method_name="execute_complete", timeout=PATIENCE)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> None:
        """Fails with the error that the triggerer met; does nothing if there was none.

        Raises:
            LandingError: the store refuses or has no such bucket; the task is tried again.
            AirflowFailException: the run has no partition, or another error that no retry mends.
        """
        if not event or "error" not in event:
            return
        error = from_dict(event)
        if error.fault != "server":
            raise AirflowFailException(str(error)) from error
        raise error

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Goes on where the triggerer ended.

        Raises:
            AirflowFailException: the partition was not ready in time; the message says what it lacks.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout:
            late = too_late(self.landing, partition_of(context, self.calendar), Settings.read())
        # Not raised in the handler: a task's log, and whoever reads it, ends with the innermost of chained errors.
        raise AirflowFailException(str(late))

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The objects that are waited for. Used only if a worker is needed: docs/lineage.md."""
        return partition_landed(settings, self.landing, partition)


def too_late(landing: Landing, partition: Partition, settings: Settings) -> LandingError:
    """The error of a wait that took too long, with what the partition still lacks."""
    bucket = settings.s3.bucket
    try:
        lacks = lacks_now(connect(settings.s3), bucket, landing, partition)
    except LandingError as error:
        lacks = error.what
    return LandingError(
        f"Waiting for `{landing.folder(partition)}` took more than {PATIENCE.days} days.",
        looked=f"bucket {bucket}: {lacks or 'it is ready now'}",
        left="the run has failed; what was published stays",
        next=f"landfall land {landing.name} {landing.a_file} --from {partition} --until {partition}    (then clear the task)",
    )


def wait_for_landing(landing: Landing) -> LandingSensor:
    """The first task of a partition's run: wait until the partition is ready."""
    return LandingSensor(task_id="wait_for_landing", landing=landing)
