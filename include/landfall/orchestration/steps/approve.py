"""Asks a person before a challenger serves, if the pipeline or the run's form demands it."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context

from landfall.orchestration.steps.step import SERVERS
from landfall.spec import Settings, Training

ANSWER = timedelta(days=13)
"""How long a person has to answer: a day less than the run may take."""


class Approve(ApprovalOperator):
    """Airflow's own approval, with the gate's report as its body. It passes at once if no approval is demanded."""

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(
            subject=f"Promote version {{{{ ti.xcom_pull(task_ids='judge')['version'] }}}} of {training.model}?",
            body="{{ ti.xcom_pull(task_ids='judge')['markdown'] }}",
            execution_timeout=SERVERS,
            response_timeout=ANSWER,
            **kwargs,
        )
        self.model = training.model

    def execute(self, context: Context) -> Any:
        """Waits for the answer in the UI, without holding a worker; or goes on at once."""
        if not context["params"].get("approval"):
            self.log.info("No approval is needed: neither the pipeline nor the run's form demands one.")
            return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Notes a rejection with the version; the steps that follow are skipped."""
        if event.get("chosen_options") == [self.REJECT]:
            from landfall.freshness.watching import note_refusal
            from landfall.models.registry import version

            who = (event.get("responded_by_user") or {}).get("name", "a person")
            judged = context["ti"].xcom_pull(task_ids="judge")
            note_refusal(Settings.read(), version(Settings.read(), self.model, judged["version"]), f"rejected by {who}")
        return super().execute_complete(context, event)


def approve(training: Training) -> Approve:
    """The approving step."""
    return Approve(task_id="approve", training=training)
