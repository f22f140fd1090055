"""A step that runs one Spark job, wherever its pipeline's jobs run: what goes before the job, the job, what comes after.

On this machine the three follow one another. Elsewhere an operator of Airflow's providers submits the job and waits, and
the worker may be gone by the time it ends: so what the step wants to know afterwards is written down, not held.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferred

from landfall.orchestration.elsewhere.job import RemoteJob
from landfall.orchestration.step import Report, Step
from landfall.spec import Job, Settings

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
    """A step that runs one Spark job. `argv` is its command line, as the UI's rendered template shows it."""

    template_fields: Sequence[str] = ("argv",)
    ui_color = "#e8f0fe"

    def __init__(self, *, job: Job, partition: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.argv, self.small = job.argv(partition=partition), job.small
        self._elsewhere: RemoteJob | None = None

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
        from landfall.pipelines import pipeline_of_dag

        target = target_of(settings, pipeline_of_dag(self.dag_id), self.argv[0])
        elsewhere = None if target == "local" else self._remote(context, settings, target)
        known = elsewhere.known() if elsewhere else None
        ask = Ask(**known) if known else self.prepare(context, settings)
        if ask is None:
            return self.finish(context, settings, {}, {})
        self.log.info("python -m spark_jobs %s", " ".join(ask.argv))
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
            lambda: self._conclude(context, settings, ask["memo"], lambda: elsewhere.resume(ask, method, event))
        )

    def _remote(self, context: Context, settings: Settings, target: str) -> RemoteJob:
        self._elsewhere = RemoteJob(context, settings, target, self.argv[0], small=self.small)
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
        self.log.info("report: %s", report)
        return self.finish(context, settings, report, memo)

    def _here(self, settings: Settings, argv: list[str]) -> Json:
        from landfall.compute.local import WarmSpark

        return WarmSpark(remote=settings.spark_remote, lake=settings.lake).run(argv, small=self.small)

    def on_kill(self) -> None:
        """Stop the job that runs elsewhere."""
        if self._elsewhere:
            self._elsewhere.stop()
