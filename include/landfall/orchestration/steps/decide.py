"""The first step of a training run: is there a reason to train? The decision and its figures are noted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.errors import LandfallError
from landfall.json_values import Json
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import reasons_decided
from landfall.orchestration.steps.log_lines import outline
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.orchestration.steps.step import StepReport
from landfall.pipelines import find_pipeline
from landfall.spec import Partition, Partitions, Settings, Training
from landfall.spec.training_reports import DriftReport

if TYPE_CHECKING:
    from landfall.models.registry import ModelVersion

Measured = Mapping[str, Mapping[str, float]]
"""Feature -> statistic -> value."""


class Decide(SparkStep):
    """Skips the run, visibly, if none of the declared reasons holds."""

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.drifting, partition="", pipeline=training.pipeline, **kwargs)
        self.training = training

    def prepare(self, context: Context, settings: Settings) -> Ask | None:
        """Measures the drift of the newest window. This is done once: for the same days the earlier measurement is read."""
        from landfall.database import connect
        from landfall.freshness.champion import compared_with
        from landfall.freshness.drifting import measured_drift, newest_window
        from landfall.ledger.lives import rows_read

        with connect(settings) as connection:
            _, serving = compared_with(settings, connection, self.training.model)
            if serving is None or not self.training.freshness.retraining.drift or not serving.reference:
                return None
            window = newest_window(self.training, serving, rows_read(connection, self.training.feed.full_name))
            if not len(window) or measured_drift(connection, serving, window):
                return None
        self.argv = self.training.drifting.argv(partition=str(window), reference=serving.reference)
        return self.ask({"version": serving.version, "window": str(window)})

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The reasons that hold, and the figures that they come from."""
        from landfall.database import connect
        from landfall.freshness.champion import compared_with
        from landfall.freshness.decide import decide
        from landfall.freshness.figures import collect
        from landfall.freshness.serving import other_aliases
        from landfall.freshness.watching import note_age, note_decision, note_drift
        from landfall.ledger.lives import rows_read
        from landfall.models.registry import version

        retraining, model = self.training.freshness.retraining, self.training.model
        with connect(settings) as connection:
            drift = DriftReport.of(report) if report else None
            if drift:
                measured = version(settings, model, memo["version"])
                window = Partitions.parse(memo["window"])
                note_drift(settings, connection, measured, window, drift, retraining.drift)
                for name in drift.missing:
                    self.log.warning("The feature table has no column `%s` any more: no drift is measured.", name)
            _, serving = compared_with(settings, connection, model)
            for remark in other_aliases(connection, [model]):
                self.log.warning("%s", remark)
            read = rows_read(connection, self.training.feed.full_name)
            figures = collect(
                connection,
                find_pipeline(self.training.pipeline),
                serving,
                read,
                drift=drift.drift if drift else self._known_drift(connection, serving, read),
                run_id=context["run_id"],
                **_started(context),
            )
            reasons = decide(retraining, figures, minimum=self.training.learner.minimum)
            note_decision(connection, model, context["run_id"], figures, reasons)
        if serving:
            note_age(settings, serving, figures, Partition.holding(datetime.now(UTC)))
        if not reasons:
            raise AirflowSkipException(f"No reason to train: {outline(figures.as_dict())}")
        texts = "; ".join(reason.text for reason in reasons)
        self.log.info("Trains: %s. From: %s", texts, outline(figures.as_dict()))
        return {"reason": texts, "reasons": [reason.kind for reason in reasons], "figures": figures.as_dict()}

    def give_up(
        self, context: Context, settings: Settings, error: BaseException, memo: Mapping[str, Any]
    ) -> StepReport:
        """Decides without the drift, which could not be measured."""
        if not isinstance(error, LandfallError):
            raise error
        self.log.warning("Drift could not be measured, so it is no reason to train: %s", error)
        return self.finish(context, settings, {}, {})

    def _known_drift(
        self, connection: Any, serving: "ModelVersion | None", read: Mapping[Partition, int]
    ) -> Measured | None:
        """The noted drift of the newest window; None if no version serves."""
        from landfall.freshness.drifting import measured_drift, newest_window

        if serving is None:
            return None
        if not self.training.freshness.retraining.drift or not serving.reference:
            return {}
        window = newest_window(self.training, serving, read)
        return measured_drift(connection, serving, window) if len(window) else {}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The newest features in, nothing out."""
        return reasons_decided(settings, self.training)


def _started(context: Context) -> dict[str, bool]:
    """Whether the schedule or a person started the run."""
    run_type = context["dag_run"].run_type
    started = str(getattr(run_type, "value", run_type))
    return {"scheduled": started == "scheduled", "by_hand": started in ("manual", "operator_triggered")}


def decide(training: Training) -> Decide:
    """The deciding step."""
    return Decide(task_id="decide", training=training)
