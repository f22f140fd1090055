"""Promotes a challenger. Then the new champion scores the newest partitions ahead again."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context

from landfall.orchestration.assets import features_asset, model_asset
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import model_promoted
from landfall.orchestration.pages.links import ModelVersionLink
from landfall.orchestration.steps.audit import Starts, run_arguments
from landfall.orchestration.steps.step import Step
from landfall.pipelines import find_pipeline
from landfall.spec import Settings, Training


class Promote(Step):
    """Makes the judged version the champion, if the champion is still the version that it was compared with."""

    operator_extra_links = (ModelVersionLink(),)

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(inlets=[features_asset(training.feed)], outlets=[model_asset(training.model)], **kwargs)
        self.training = training

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """The version that serves from now on, and the version that it replaces."""
        from landfall.database import connect
        from landfall.freshness.promotions import promote

        trained = context["ti"].xcom_pull(task_ids="train")
        judged = context["ti"].xcom_pull(task_ids="judge")
        decided = context["ti"].xcom_pull(task_ids="decide") or {}
        with connect(settings) as connection:
            promotion = promote(
                settings,
                connection,
                self.training.model,
                judged["version"],
                expected=judged["champion"],
                reason=f"{decided.get('reason', 'trained')}; {judged['why']}",
                by_run=context["run_id"],
                report=judged["report"],
            )
        self.log.info(
            "Version %s of `%s` serves from now on%s",
            promotion.version,
            self.training.model,
            f", in place of {promotion.replaced}" if promotion.replaced else ": the first",
        )
        extra = {"model_version": promotion.version, "rows": trained["rows"], **trained["metrics"]}
        self.note(context, model_asset(self.training.model), extra)
        return {"model_version": promotion.version, "replaced": promotion.replaced}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The version that scores from now on."""
        return model_promoted(self.training, report)


class FindStale(Step):
    """The newest published partitions that lie ahead and were scored by a version other than the champion."""

    def __init__(self, *, training: Training, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.training = training

    def run(self, context: Context, settings: Settings) -> Starts:
        """The arguments of `start_runs`; at most as many as the pipeline declares."""
        from landfall.ledger import Start
        from landfall.ledger.survey import stale_by_model

        pipeline, most = find_pipeline(self.training.pipeline), self.training.freshness.promotion.rescore
        stale = [
            Start.again(facts, standing)
            for feed in pipeline.feeds
            if feed.model == self.training.model and most
            for facts, standing in stale_by_model(settings, pipeline, feed, most)
        ]
        again = stale[-most:] if most else []
        for start in again:
            self.log.info("%s %s is scored again: %s", start.feed, start.partition, start.why)
        if not again:
            self.log.info("Nothing is scored again: no published partition lies ahead, or the pipeline declares none")
        return [run_arguments(start) for start in again]


def promote(training: Training) -> Promote:
    """The promoting step."""
    return Promote(task_id="promote", training=training)


def find_stale(training: Training) -> FindStale:
    """The step that finds the partitions for the new champion to score again."""
    return FindStale(task_id="find_stale", training=training)
