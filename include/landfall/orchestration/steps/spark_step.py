"""A step that runs one Spark job, wherever its pipeline's jobs run: what goes before the job, the job, what comes after.

On this machine the three follow one another. Elsewhere an operator of Airflow's providers submits the job and waits, and
the worker may be gone by the time it ends: so what the step wants to know afterwards is written down, not held.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferralTimeout, TaskDeferred

from landfall.errors import ComputeError, LandfallError
from landfall.orchestration.elsewhere.job import RemoteJob
from landfall.orchestration.steps.log_lines import command_line, outline
from landfall.orchestration.steps.step import SERVERS, Report, Step
from landfall.spec import Job, Settings

if TYPE_CHECKING:
    from landfall.compute.local import WarmSpark

QUEUE = timedelta(hours=1)
"""How long a job that runs elsewhere may wait there for a cluster, beside its own limit."""
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a step asks of Spark.

    Args:
        argv: The job and its options.
        memo: What the step wants to know when the job has ended; JSON.
    """

    argv: list[str]
    memo: Mapping[str, Any] = field(default_factory=dict)


class SparkStep(Step):
    """A step that runs one Spark job. `argv` is its command line, as the UI's rendered template shows it.

    Args:
        job: The job.
        partition: Its partition, or a template of one.
        pipeline: The pipeline that it belongs to, by whose settings it runs; none for a table model.
    """

    template_fields: Sequence[str] = ("argv",)
    ui_color = "#e8f0fe"

    def __init__(self, *, job: Job, partition: str, pipeline: str = "", **kwargs: Any) -> None:
        super().__init__(**{"execution_timeout": job.limit + SERVERS, **kwargs})
        self.pipeline = pipeline
        self.argv, self.small, self.job_limit = job.argv(partition=partition), job.small, job.limit
        self._elsewhere: RemoteJob | None = None
        self._warm: WarmSpark | None = None

    def prepare(self, context: Context, settings: Settings) -> Ask | None:
        """What to ask of Spark; None where there is nothing to ask, and `finish` is to go on with an empty report."""
        raise NotImplementedError

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Report:
        """The step's report, from the job's."""
        raise NotImplementedError

    def give_up(self, context: Context, settings: Settings, error: BaseException, memo: Mapping[str, Any]) -> Report:
        """What to make of a job that failed or was stopped: its error, unless a subclass can do without the job."""
        raise error

    def ask(self, memo: Mapping[str, Any] | None = None, **options: str) -> Ask:
        """This step's command line, with `options` at its end."""
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        return Ask(argv=[*self.argv, *words], memo=memo or {})

    def run(self, context: Context, settings: Settings) -> Report:
        """The three in a row."""
        from landfall.compute.choice import target_of

        target = target_of(settings, self.pipeline, self.argv[0])
        elsewhere = None if target == "local" else self._remote(context, settings, target)
        known = elsewhere.known() if elsewhere else None
        ask = Ask(**known) if known else self.prepare(context, settings)
        if ask is None:
            return self.finish(context, settings, {}, {})
        self.log.info("python -m spark_jobs %s", command_line(ask.argv))
        return self._conclude(
            context,
            settings,
            ask.memo,
            lambda: elsewhere.run(asdict(ask), again=bool(known)) if elsewhere else self._here(settings, ask.argv),
        )

    def job_ended(self, context: Context, *, target: str, ask: Json, method: str, event: Any = None) -> Report:
        """Go on after a trigger has waited for the job (see `RemoteJob.resume`)."""
        settings = Settings.read()
        elsewhere = self._remote(context, settings, target)
        return self.told(
            context,
            lambda: self._conclude(context, settings, ask["memo"], lambda: elsewhere.resume(ask, method, event)),
        )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a trigger, or stop the job that it waited for too long.

        Raises:
            ComputeError: it did; the task is tried again.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            settings = Settings.read()
        self._remote(context, settings, "").give_up()
        raise self.too_long(settings)

    def too_long(self, settings: Settings) -> LandfallError:
        """The error of a job that took longer than its limit."""
        limit, where = self._limit, f"the warm server, {settings.spark_remote.partition('/;')[0]}"
        if self._elsewhere:
            limit, where = self.job_limit + QUEUE, f"{self._elsewhere.target}, {self._elsewhere.name}"
        return ComputeError(
            f"`{self.task_id}` took longer than {limit}: the Spark job `{self.argv[0]}` did not end.",
            looked=where,
            left="the job was stopped, what was published stays; it is tried again",
            next="see the job where it ran" if self._elsewhere else "landfall ps    (then landfall logs spark)",
        )

    def _remote(self, context: Context, settings: Settings, target: str) -> RemoteJob:
        self._elsewhere = RemoteJob(
            context, settings, target, self.argv[0], small=self.small, limit=self.job_limit + QUEUE
        )
        return self._elsewhere

    def _conclude(
        self, context: Context, settings: Settings, memo: Mapping[str, Any], work: Callable[[], Json]
    ) -> Report:
        try:
            report = work()
        except TaskDeferred:
            raise
        except BaseException as error:
            return self.give_up(context, settings, error, memo)
        self.log.info("The job has ended: %s", outline(report))
        return self.finish(context, settings, report, memo)

    def _here(self, settings: Settings, argv: list[str]) -> Json:
        from landfall.compute.local import WarmSpark

        self._warm = WarmSpark(remote=settings.spark_remote, lake=settings.lake)
        return self._warm.run(argv, small=self.small)

    def on_kill(self) -> None:
        """Stop the job, wherever it runs."""
        if self._elsewhere:
            self._elsewhere.stop()
        if self._warm:
            self._warm.stop()
