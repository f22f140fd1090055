"""The gate: compares challenger and champion on the same newest partitions, which neither has learnt from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.errors import ModelError
from landfall.json_values import Json
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import models_judged
from landfall.orchestration.pages.links import ModelVersionLink
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.spec import Settings, Training
from landfall.spec.training_reports import JudgedReport

if TYPE_CHECKING:
    from landfall.models.registry import ModelVersion


class Judge(SparkStep):
    """Compares, keeps the figures with the challenger, and skips the steps that follow if the challenger is refused."""

    operator_extra_links = (ModelVersionLink(),)

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(job=training.judging, partition="", pipeline=training.pipeline, **kwargs)
        self.training = training

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """Challenger and champion, on the window that neither has learnt from."""
        from landfall.database import connect
        from landfall.freshness.champion import compared_with
        from landfall.models.registry import version

        trained = context["ti"].xcom_pull(task_ids="train")
        challenger = version(settings, self.training.model, trained["version"])
        with connect(settings) as connection:
            number, serving = compared_with(settings, connection, self.training.model)
        try:
            window, models = _comparison(settings, challenger, serving)
        except ModelError:
            if serving and context["params"].get("until") and challenger.learnt_until.end < serving.learnt_until.end:
                _keep_for_hindcasts(settings, challenger)
            raise
        self.argv = self.training.judging.argv(partition=window)
        memo = {"challenger": challenger.version, "champion": number}
        return self.ask(memo, **models)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The verdict: why the challenger passed, the report (also as Markdown), and the champion that it was compared with."""
        from landfall.alerts.stored import note
        from landfall.alerts.wrong import refusal
        from landfall.database import connect
        from landfall.freshness.gate import judge
        from landfall.freshness.watching import note_verdict
        from landfall.models.registry import version

        challenger = version(settings, self.training.model, memo["challenger"])
        verdict = judge(self.training.freshness.gate, JudgedReport.of(report))
        note_verdict(settings, challenger, verdict)
        self.log.info("%s", verdict.markdown())
        if not verdict.passed:
            with connect(settings) as conn:  # the next audit tells it
                note(conn, [refusal(self.training.model, challenger.version, verdict.why)], [])
            raise AirflowSkipException(f"Version {challenger.version} is refused, the champion stays: {verdict.why}")
        return {
            "version": challenger.version,
            "champion": memo["champion"],
            "why": verdict.why,
            "report": report,
            "markdown": verdict.markdown(),
        }

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The newest features and both versions in, nothing out."""
        return models_judged(settings, self.training, report)


def _keep_for_hindcasts(settings: Settings, challenger: "ModelVersion") -> NoReturn:
    """Keeps a challenger that is older than the champion, as its form demanded: nothing is compared, and nothing went wrong."""
    from landfall.freshness.watching import note_hindcast

    why = note_hindcast(settings, challenger)
    raise AirflowSkipException(f"Version {challenger.version} is not judged, the champion stays: {why}")


def _comparison(
    settings: Settings, challenger: "ModelVersion", serving: "ModelVersion | None"
) -> tuple[str, dict[str, str]]:
    """The partitions to judge on, and the job's options. A comparison that would not be honest fails the run for good."""
    from landfall.freshness.windows import judging_window
    from landfall.models.own import judged_model

    window = judging_window(challenger, serving)
    options = {
        "at_version": str(window.at_version),
        "challenger": str(judged_model(settings, challenger, window.challenger)),
    }
    if window.champion and serving:
        options["champion"] = str(judged_model(settings, serving, window.champion))
        if serving.learner:
            options["champion_learner"] = serving.learner
    return str(window.partitions), options


def judge(training: Training) -> Judge:
    """The judging step."""
    return Judge(task_id="judge", training=training)
