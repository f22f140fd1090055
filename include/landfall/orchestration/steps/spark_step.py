"""A step that runs one Spark job, wherever its pipeline's jobs run. It has three parts: before the job, the job, after the job.

On this machine the three follow one another. Elsewhere, an operator of Airflow's providers submits the job and waits, and the
worker may be gone by the time the job ends. So what the step needs afterwards is written down, not kept in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferralTimeout, TaskDeferred

from landfall.compute.local.run import LocalRun
from landfall.compute.remote import RemoteJob
from landfall.compute.target import JobRun
from landfall.errors import ComputeError, LandfallError
from landfall.json_values import Json
from landfall.orchestration.steps.log_lines import command_line, outline
from landfall.orchestration.steps.step import SERVERS, Step, StepReport
from landfall.spec import Job, Settings


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a step asks of Spark.

    Args:
        argv: The job and its options.
        memo: What the step needs to know after the job has ended, as values of JSON.
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
        self._job: JobRun | None = None

    def prepare(self, context: Context, settings: Settings) -> Ask | None:
        """The job to run; None if there is none, and `finish` shall go on with an empty report."""
        raise NotImplementedError

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> StepReport:
        """The step's report, made from the job's."""
        raise NotImplementedError

    def give_up(
        self, context: Context, settings: Settings, error: BaseException, memo: Mapping[str, Any]
    ) -> StepReport:
        """Handles a job that failed or was stopped: raises its error, unless a subclass can do without the job."""
        raise error

    def ask(self, memo: Mapping[str, Any] | None = None, **options: str) -> Ask:
        """This step's command line, with `options` added at its end."""
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        return Ask(argv=[*self.argv, *words], memo=memo or {})

    def run(self, context: Context, settings: Settings) -> StepReport:
        """The three parts in a row."""
        from landfall.compute.choice import target_of

        job = self._job = self._run_at(target_of(settings, self.pipeline, self.argv[0]), context, settings)
        earlier = job.known()
        ask = Ask(**earlier) if earlier else self.prepare(context, settings)
        if ask is None:
            return self.finish(context, settings, {}, {})
        self.log.info("python -m spark_jobs %s", command_line(ask.argv))
        return self._conclude(context, settings, ask.memo, lambda: job.run(asdict(ask), again=bool(earlier)))

    def job_ended(self, context: Context, *, target: str, ask: Json, method: str, event: Any = None) -> StepReport:
        """Goes on after a trigger has waited for the job (see `RemoteJob.resume`)."""
        settings = Settings.read()
        job = self._job = self._remote(context, settings, target)
        return self.carry_out(
            context,
            lambda: self._conclude(context, settings, ask["memo"], lambda: job.resume(ask, method, event)),
        )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Goes on after a trigger, or stops a job that it has waited for too long.

        Raises:
            ComputeError: the job was stopped; the task is tried again.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            settings = Settings.read()
        job = self._job = self._remote(context, settings, "")
        job.give_up()
        raise self.too_long(settings)

    def too_long(self, settings: Settings) -> LandfallError:
        """The error of a job that took longer than its limit."""
        job = self._job or LocalRun(settings, small=self.small)
        limit = self.job_limit + job.waiting if job.waiting else self._limit
        return ComputeError(
            f"`{self.task_id}` took longer than {limit}: the Spark job `{self.argv[0]}` did not end.",
            looked=job.where,
            left="the job was stopped, what was published stays; it is tried again",
            next=job.log_hint,
        )

    def _run_at(self, target: str, context: Context, settings: Settings) -> JobRun:
        if target == "local":
            return LocalRun(settings, small=self.small)
        return self._remote(context, settings, target)

    def _remote(self, context: Context, settings: Settings, target: str) -> RemoteJob:
        return RemoteJob(context, settings, target, self.argv[0], small=self.small, limit=self.job_limit)

    def _conclude(
        self, context: Context, settings: Settings, memo: Mapping[str, Any], work: Callable[[], Json]
    ) -> StepReport:
        try:
            report = work()
        except TaskDeferred:
            raise
        except BaseException as error:
            return self.give_up(context, settings, error, memo)
        self.log.info("The job has ended: %s", outline(report))
        return self.finish(context, settings, report, memo)

    def on_kill(self) -> None:
        """Stops the job, wherever it runs."""
        if self._job:
            self._job.stop()
