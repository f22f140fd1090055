"""Publishes a partition: chooses the version, lets a Spark job fill a staging table, checks it and swaps it in.

This is one step, because a task costs about a second, and none of its parts is worth a task of its own. A second try begins
anew with a new staging table, unless the first has swapped its rows in: then there is nothing left to do.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import Asset, BaseOperatorLink, Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.errors import RunError, SpecError
from landfall.json_values import Json
from landfall.orchestration.assets import features_asset, model_asset, table_asset
from landfall.orchestration.champion_trigger import ChampionTrigger
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import rows_published
from landfall.orchestration.pages.links import ExplainLink, ModelVersionLink, PublicationLink
from landfall.orchestration.steps.log_lines import count
from landfall.orchestration.steps.run_partition import partition_of, partition_template
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.orchestration.steps.step import StepReport, trip_of
from landfall.spec import Feed, Settings
from landfall.spec.reports import StagedReport

if TYPE_CHECKING:
    from landfall.database import Database
    from landfall.partitions import Reading
    from landfall.publishing import Published


class Publish(SparkStep):
    """Stages the rows of a partition by a Spark job, and swaps them in, in one transaction.

    Args:
        feed: The feed.
        reads: What the job reads besides the features, as assets.
    """

    feed: Feed
    operator_extra_links: tuple[BaseOperatorLink, ...] = (PublicationLink(), ExplainLink())

    def __init__(self, *, feed: Feed, reads: Sequence[Asset] = (), **kwargs: Any) -> None:
        super().__init__(
            job=feed.staging,
            partition=partition_template(feed.landing.calendar),
            pipeline=feed.pipeline,
            inlets=[features_asset(feed), *reads],
            outlets=[table_asset(feed.table)],
            **kwargs,
        )
        self.feed = feed

    def prepare(self, context: Context, settings: Settings) -> Ask | None:
        """The job that puts rows into the staging table of a new publication; None if an earlier try has published them."""
        from landfall.database import connect
        from landfall.partitions import choose, open_staging, published_before

        trip, reading = trip_of(self.feed, context, settings), self._reading(context)
        partition = reading.partition
        with connect(settings) as database:
            choice = choose(database, trip, [partition])
            if choice is None:
                self.wait_for_champion()
            for remark in self.remarks(database):
                self.log.warning("%s", remark)
            if partition in choice.skipped:
                self.skip(context, settings, choice.skipped[partition])
            [batch] = choice.batches
            if published_before(database, trip, reading, batch.version):
                return None
            staging = open_staging(database, trip, [reading], batch.version)
        memo = {"publication": staging.publications[partition].id, "model_version": batch.version}
        return self.ask(memo, stages=staging.stages, **batch.options)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """What readers see from now on: publication, rows, model version, and the milliseconds of the lock.

        Measured errors go to MLflow too.
        """
        from landfall.database import connect
        from landfall.partitions import measured, published_before, swap
        from landfall.publishing import find_publication

        trip, reading = trip_of(self.feed, context, settings), self._reading(context)
        with connect(settings) as database:
            if not memo:
                before = published_before(database, trip, reading)
                if before is None:
                    raise RunError(
                        "What an earlier try published is not there any more.", next="the task is tried again"
                    )
                self.log.info("Publication %d was swapped in by an earlier try", before.id)
                return self._done(context, before, before.model_version, {})
            staged = StagedReport.of(report)
            versions = measured(database, trip, reading.partition, staged) or memo["model_version"]
            publication = find_publication(database, self.feed.table, memo["publication"])
            swapped = swap(database, trip, publication, reading.number, staged.staged[str(reading.partition)])
        if swapped.published is None:
            raise AirflowSkipException(swapped.why)
        return self._done(context, swapped.published, versions, dict(staged.metrics.get(str(reading.partition), {})))

    def _done(self, context: Context, published: "Published", versions: str, metrics: Json) -> Json:
        partition = str(published.partition)
        extra = {
            "publication": published.id, "partition": partition, "rows": published.rows, "model_version": versions,
        }  # fmt: skip
        self.note(context, table_asset(self.feed.table), extra)
        self.log.info(
            "Publication %d of %s, %s: %s%s are what readers see; they were shut out for %.0f ms",
            published.id,
            self.feed.table.name,
            partition,
            count(published.rows, "row"),
            f" by version {versions}" if versions else "",
            published.lock_ms,
        )
        return {**extra, "lock_ms": published.lock_ms, "metrics": metrics}

    def _reading(self, context: Context) -> "Reading":
        from landfall.partitions import Reading

        handed_on = context["ti"].xcom_pull(task_ids="make_features")
        return Reading.of(partition_of(context, self.calendar), handed_on)

    def remarks(self, database: "Database") -> list[str]:
        """Remarks for the log about what is read, for a person."""
        return []

    def wait_for_champion(self) -> NoReturn:
        """Waits in the triggerer for the first champion.

        Raises:
            TaskDeferred: always.
        """
        self.log.info("No champion of `%s` yet: waiting for the first.", self.feed.model)
        self.defer(trigger=ChampionTrigger(self.feed.model), method_name="resume")
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

        reading = self._reading(context)
        with connect(settings) as database:
            skip(database, reading.partition, reading.number, why)
        raise AirflowSkipException(why)

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features in, and a model version or earlier predictions; the published table out."""
        return rows_published(settings, self.feed, partition, report)


class PublishPredictions(Publish):
    """Publishes the predictions of the champion; before there is one, waits for it in the triggerer."""

    operator_extra_links = (ModelVersionLink(), PublicationLink(), ExplainLink())

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        if not feed.model:
            raise SpecError(
                f"The rows of `{feed.full_name}` are scored by no model.",
                looked="its Feed.model",
                next="declare the model, or publish its rows as they are: publish_rows",
            )
        super().__init__(feed=feed, reads=[model_asset(feed.model)], **kwargs)

    def remarks(self, database: "Database") -> list[str]:
        """Remarks on a champion that MLflow's page shows but that does not serve."""
        from landfall.freshness.serving import other_aliases

        return other_aliases(database, [self.feed.model])


class PublishErrors(Publish):
    """Publishes how far off earlier predictions were; skips a partition for which nothing had been predicted."""

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        if feed.held_against is None:
            raise SpecError(
                f"The rows of `{feed.full_name}` are held against no predictions.",
                looked="its Feed.held_against",
                next="declare the prediction table, or let the run score its rows: publish_predictions",
            )
        super().__init__(feed=feed, reads=[table_asset(feed.held_against)], **kwargs)


def publish_predictions(feed: Feed) -> PublishPredictions:
    """The last step of a feed with a model: predictions of the champion become what readers see."""
    return PublishPredictions(task_id="publish", feed=feed)


def publish_errors(feed: Feed) -> PublishErrors:
    """The last step of a feed with actuals: the errors of what was published. MLflow gets them too."""
    return PublishErrors(task_id="publish", feed=feed)


def publish_rows(feed: Feed) -> Publish:
    """The last step of a feed without a model: its features are what readers see."""
    return Publish(task_id="publish", feed=feed)
