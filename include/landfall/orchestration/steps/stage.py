"""Fills a publication's staging table: with predictions by the champion, or with the errors of earlier publications."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import Asset, BaseOperatorLink, Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.errors import RunError, SpecError
from landfall.json_values import Json
from landfall.orchestration.assets import features_asset, model_asset, table_asset
from landfall.orchestration.champion_trigger import ChampionTrigger
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import errors_measured, rows_scored
from landfall.orchestration.pages.links import ExplainLink, ModelVersionLink
from landfall.orchestration.steps.log_lines import count
from landfall.orchestration.steps.run_partition import PARTITION, partition_of
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.orchestration.steps.step import StepReport, trip_of
from landfall.spec import Feed, Settings
from landfall.spec.reports import StagedReport

if TYPE_CHECKING:
    from landfall.database import Database


class Stage(SparkStep):
    """Chooses the version, opens a publication, and runs the scoring job into its staging table."""

    feed: Feed
    operator_extra_links: tuple[BaseOperatorLink, ...] = (ExplainLink(),)

    def __init__(self, *, feed: Feed, model: str, reads: Asset, **kwargs: Any) -> None:
        super().__init__(
            job=feed.staging,
            partition=PARTITION,
            pipeline=feed.pipeline,
            inlets=[features_asset(feed), reads],
            **kwargs,
        )
        self.feed, self.model = feed, model

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """The job that puts rows into the staging table of a new publication."""
        from landfall.database import connect
        from landfall.partitions import Reading, choose, open_staging

        partition, trip = partition_of(context), trip_of(self.feed, context, settings)
        reading = Reading.of(partition, context["ti"].xcom_pull(task_ids="make_features"))
        with connect(settings) as database:
            choice = choose(database, trip, [partition])
            if choice is None:
                self.wait_for_champion()
            for remark in self.remarks(database):
                self.log.warning("%s", remark)
            if partition in choice.skipped:
                self.skip(context, settings, choice.skipped[partition])
            [batch] = choice.batches
            staging = open_staging(database, trip, [reading], batch.version)
        memo = {"publication": staging.publications[partition].id, "model_version": batch.version}
        return self.ask(memo, stages=staging.stages, **batch.options)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """What is staged, with `publication` (its id) and `model_version`. Measured errors go to MLflow too."""
        from landfall.database import connect
        from landfall.partitions import measured, nothing_measured

        partition, trip = partition_of(context), trip_of(self.feed, context, settings)
        staged = StagedReport.of(report)
        rows = staged.staged[str(partition)]
        if why := nothing_measured(trip, rows):
            self.skip(context, settings, why)
        versions = memo["model_version"]
        if staged.metrics:
            with connect(settings) as database:
                versions = measured(database, trip, partition, staged) or versions
        self.log.info(
            "%s of %s staged as publication %d%s",
            count(rows, "row"),
            partition,
            memo["publication"],
            f", by version {versions} of `{self.model}`" if versions else "",
        )
        return {
            "rows": rows,
            "metrics": staged.metrics.get(str(partition), {}),
            **memo,
            "model_version": versions,
        }

    def remarks(self, database: "Database") -> list[str]:
        """Remarks for the log about what is read, for a person."""
        return []

    def wait_for_champion(self) -> NoReturn:
        """Waits in the triggerer for the first champion.

        Raises:
            TaskDeferred: always.
        """
        self.log.info("No champion of `%s` yet: waiting for the first.", self.model)
        self.defer(trigger=ChampionTrigger(self.model), method_name="resume")
        raise RunError("unreachable: a deferred task does not go on")

    def resume(self, context: Context, event: dict[str, Any]) -> StepReport:
        """Goes on now that there is a champion."""
        return self.execute(context)

    def skip(self, context: Context, settings: Settings, why: str) -> NoReturn:
        """Ends the step if nothing is to be published, which is no failure. The ledger gets the reason.

        Raises:
            AirflowSkipException: always.
        """
        from landfall.database import connect
        from landfall.partitions import skip

        reading = context["ti"].xcom_pull(task_ids="make_features")["reading"]
        with connect(settings) as database:
            skip(database, partition_of(context), reading, why)
        raise AirflowSkipException(why)


class Score(Stage):
    """Predicts with the champion; before there is one, waits for it in the triggerer."""

    operator_extra_links = (ModelVersionLink(), ExplainLink())

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(model=model, reads=model_asset(model), **kwargs)

    def remarks(self, database: "Database") -> list[str]:
        """Remarks on a champion that MLflow's page shows but that does not serve."""
        from landfall.freshness.serving import other_aliases

        return other_aliases(database, [self.model])

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features and a model version in, staged predictions out."""
        return rows_scored(settings, self.feed, self.model, partition, report)


class MeasureErrors(Stage):
    """Compares what was published for the day with what happened; skips if nothing was published."""

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        if feed.held_against is None:
            raise SpecError(
                f"The rows of `{feed.full_name}` are held against no predictions.",
                looked="its Feed.held_against",
                next="declare the prediction table, or let the run score its rows",
            )
        super().__init__(feed=feed, reads=table_asset(feed.held_against), **kwargs)
        self.of = feed.held_against

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features and earlier publications in, staged errors out."""
        return errors_measured(settings, self.feed, self.of, partition, report)


def score(feed: Feed, *, model: str) -> Score:
    """The scoring step: predictions of the champion of `model`, staged."""
    return Score(task_id="score", feed=feed, model=model)


def measure_errors(feed: Feed, *, model: str) -> MeasureErrors:
    """The measuring step: stages the errors of earlier publications, and logs them to the runs of `model`'s versions."""
    return MeasureErrors(task_id="measure_errors", feed=feed, model=model)
