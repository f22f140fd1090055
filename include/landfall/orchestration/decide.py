"""The first step of a training run: is there a reason to train? What was decided, and from what, is written down."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.errors import LandfallError
from landfall.orchestration.lineage import Lineage
from landfall.orchestration.lineage_of_steps import reasons_decided
from landfall.orchestration.step import SparkStep
from landfall.pipelines import find_training
from landfall.spec import Settings, Training

Measured = Mapping[str, Mapping[str, float]]
"""Feature -> statistic -> value."""


class Decide(SparkStep):
    """Skips the run, visibly, where none of the declared reasons holds."""

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.drifting, partition="", **kwargs)
        self.training = training

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """The reasons that hold, and the figures they are from."""
        from landfall.freshness.decide import decide
        from landfall.freshness.figures import collect
        from landfall.freshness.promotions import notice
        from landfall.freshness.watching import note_age, note_decision
        from landfall.ledger import ensure_ledger
        from landfall.models.registry import champion
        from landfall.publishing import connect

        run_type = context["dag_run"].run_type
        started = str(getattr(run_type, "value", run_type))
        with connect(settings) as connection:
            ensure_ledger(connection)
            notice(settings, connection, self.training.model)
            serving = champion(settings, self.training.model)
            figures = collect(
                connection,
                find_training(self.training.dag_id),
                serving,
                drift=self._drift(settings, connection, serving) if serving else None,
                scheduled=started == "scheduled",
                by_hand=started in ("manual", "operator_triggered"),
                run_id=context["run_id"],
            )
            reasons = decide(self.training.freshness.retraining, figures, minimum=self.training.learner.minimum)
            note_decision(connection, self.training.model, context["run_id"], figures, reasons)
        if serving:
            note_age(settings, serving, figures, datetime.now(UTC).date())
        told = "; ".join(reason.text for reason in reasons)
        self.log.info("%s (%s)", told or "No reason to train.", figures.as_dict())
        if not reasons:
            raise AirflowSkipException(f"No reason to train: {figures.as_dict()}")
        return {"reason": told, "reasons": [reason.kind for reason in reasons], "figures": figures.as_dict()}

    def _drift(self, settings: Settings, connection: Any, serving: Any) -> Measured:
        """Drift of the newest window, measured once: what was measured before for the same version and days is read."""
        from landfall.freshness.drifting import measured_drift, newest_window
        from landfall.freshness.watching import note_drift

        retraining = self.training.freshness.retraining
        if not retraining.drift or not serving.reference:
            return {}
        pipeline = find_training(self.training.dag_id)
        window = newest_window(connection, pipeline, serving)
        if not len(window):
            return {}
        if known := measured_drift(connection, serving, window):
            return known
        self.argv = self.training.drifting.argv(partition=str(window), reference=serving.reference)
        try:
            report = self.spark(settings)
        except LandfallError as error:
            self.log.warning("Drift could not be measured, and is no reason to train: %s", error)
            return {}
        for name in report["missing"]:
            self.log.warning("The feature table has no column `%s` any more: its drift cannot be measured.", name)
        note_drift(settings, connection, serving, window, report, retraining.drift)
        return {name: dict(values) for name, values in report["drift"].items()}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The newest features in, nothing out."""
        return reasons_decided(settings, self.training)


def decide(training: Training) -> Decide:
    """The deciding step."""
    return Decide(task_id="decide", training=training)
