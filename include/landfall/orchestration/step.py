"""What every step of a run shares: its partition, the servers' addresses, and errors that end a run or ask for a retry."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from landfall.errors import ContractError, RunError, SpecError
from landfall.orchestration.lineage import TellsLineage
from landfall.spec import Job, Settings

Report = dict[str, Any] | list[dict[str, Any]] | None
"""What a step tells the steps after it (XCom)."""
FINAL = (ContractError, RunError, SpecError)
"""Errors that a retry cannot mend: the run fails at once and says what to do."""


class Step(TellsLineage, BaseOperator):
    """A step of a run. Subclasses write `run`; what it returns is the step's report (XCom)."""

    def execute(self, context: Context) -> Report:
        """Run the step; an error that no retry mends fails the task at once."""
        try:
            report = self.run(context, Settings.read())
        except FINAL as error:
            raise AirflowFailException(str(error)) from error
        self.reported = report
        return report

    def run(self, context: Context, settings: Settings) -> Report:
        """The step itself."""
        raise NotImplementedError

    def note(self, context: Context, asset: Asset, extra: Mapping[str, Any]) -> None:
        """Put `extra` on the event that `asset` emits when this step succeeds."""
        context["outlet_events"][asset].extra = dict(extra)


class SparkStep(Step):
    """A step that runs one Spark job. `argv` is its command line, as the UI's rendered template shows it."""

    template_fields: Sequence[str] = ("argv",)
    ui_color = "#e8f0fe"

    def __init__(self, *, job: Job, partition: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.argv, self.small = job.argv(partition=partition), job.small

    def spark(self, settings: Settings, **more: str) -> dict[str, Any]:
        """Run the job with `more` options at the end of its command line."""
        from landfall.compute.local import WarmSpark

        options = [word for name, value in more.items() for word in (f"--{name.replace('_', '-')}", value)]
        argv = [*self.argv, *options]
        self.log.info("python -m spark_jobs %s", " ".join(argv))
        report = WarmSpark(remote=settings.spark_remote, lake=settings.lake).run(argv, small=self.small)
        self.log.info("report: %s", report)
        return report
