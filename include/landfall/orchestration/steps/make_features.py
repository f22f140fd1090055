"""Turns the landed objects of a partition into its features."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context

from landfall.json_values import Json
from landfall.orchestration.assets import features_asset, landing_asset
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import features_made
from landfall.orchestration.pages.links import ExplainLink
from landfall.orchestration.steps.log_lines import count
from landfall.orchestration.steps.run_partition import PARTITION, partition_of
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.orchestration.steps.step import trip_of
from landfall.spec import Feed, Settings
from landfall.spec.reports import FeaturesReport


class MakeFeatures(SparkStep):
    """Lists the partition's objects, runs the ETL job on them, and reports rows, quarantine and the objects' ETags."""

    feed: Feed
    operator_extra_links = (ExplainLink(),)

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        super().__init__(
            job=feed.features,
            partition=PARTITION,
            pipeline=feed.pipeline,
            inlets=[landing_asset(feed)],
            outlets=[features_asset(feed)],
            **kwargs,
        )
        self.feed = feed

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """The job that makes features of what is in the partition's folder now."""
        from landfall.database import connect
        from landfall.objects.client import connect as connect_store
        from landfall.partitions import look, open_readings

        partition, trip = partition_of(context), trip_of(self.feed, context, settings)
        with connect(settings) as database:
            numbers = open_readings(database, trip, [partition])
            readings = look(database, connect_store(settings.s3), trip, numbers)
        return self.ask(readings.only(partition).as_dict())

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The job's report, with `inputs` ([key, ETag] of every object that it read) and the number of the `reading`."""
        features = FeaturesReport.of(report)
        extra = {"partition": str(partition_of(context)), "rows": features.rows, "quarantined": features.quarantined}
        self.note(context, features_asset(self.feed), extra)
        self.log.info(
            "%s of %s/dt=%s made from %s; %s in quarantine",
            count(features.rows, "row"),
            self.feed.features_table,
            extra["partition"],
            count(len(memo["inputs"]), "object"),
            count(features.quarantined, "row"),
        )
        return {**features.as_dict(), **memo}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Landed objects in, features and quarantine out."""
        return features_made(settings, self.feed, partition, report)


def make_features(feed: Feed) -> MakeFeatures:
    """The ETL step of `feed`."""
    return MakeFeatures(task_id="make_features", feed=feed)
