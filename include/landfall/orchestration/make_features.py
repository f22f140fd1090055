"""Turn what landed for a partition into its features."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from landfall.orchestration.assets import features_asset, landing_asset
from landfall.orchestration.lineage import Lineage
from landfall.orchestration.lineage_of_steps import features_made
from landfall.orchestration.log_lines import count
from landfall.orchestration.run_partition import PARTITION, partition_of
from landfall.orchestration.spark_step import Ask, Json, SparkStep
from landfall.spec import Feed, Partition, Settings

if TYPE_CHECKING:
    from landfall.landing.listing import LandedObject


class MakeFeatures(SparkStep):
    """List the partition's objects, run the ETL job on them, report rows, quarantine and the objects' ETags."""

    feed: Feed

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        super().__init__(
            job=feed.features,
            partition=PARTITION,
            inlets=[landing_asset(feed)],
            outlets=[features_asset(feed)],
            **kwargs,
        )
        self.feed = feed

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """Features of what is in the partition's folder now."""
        from landfall.landing.store import check_complete, check_landed, visible

        partition, landing = partition_of(context), self.feed.landing
        reading, folder = self.read(settings, partition, context["run_id"])
        objects = visible(folder, landing, partition)
        check_landed(objects, landing, partition)
        check_complete(folder, landing, partition)
        return self.ask({"inputs": [[landed.key, landed.etag] for landed in objects], "reading": reading})

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The report of the job, with `inputs`, [key, ETag] of every object it read, and the number of the `reading`."""
        rows, quarantined = report["rows"], report["quarantined"]
        extra = {"partition": str(partition_of(context)), "rows": rows, "quarantined": quarantined}
        self.note(context, features_asset(self.feed), extra)
        self.log.info(
            "%s of %s made from %s; %s in quarantine",
            count(rows, "row"),
            self.feed.features.arguments["features"].replace("{partition}", extra["partition"]),
            count(len(memo["inputs"]), "object"),
            count(quarantined, "row"),
        )
        return {**report, **memo}

    def read(self, settings: Settings, partition: Partition, run_id: str) -> "tuple[int, tuple[LandedObject, ...]]":
        """The number of this reading, and everything in the partition's folder, written down in the ledger."""
        from landfall.landing.store import connect, feed_of, iterate_folder
        from landfall.ledger import close_reading, ensure_ledger, open_reading, record_landing
        from landfall.publishing import connect as connect_database

        landing, bucket = self.feed.landing, settings.s3.bucket
        name = feed_of(landing)
        with connect_database(settings) as database:
            ensure_ledger(database)
            reading, began = open_reading(database, name, partition, run_id), datetime.now(UTC)
            objects = tuple(iterate_folder(connect(settings.s3), bucket, landing, partition))
            record_landing(database, bucket, name, landing, objects, partition=partition, listed_from=began)
            close_reading(
                database, reading, {each.key: each.etag for each in objects if landing.partition_of(each.key)}
            )
        return reading, objects

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Landed objects in, features and quarantine out."""
        return features_made(settings, self.feed, partition, report)


def make_features(feed: Feed) -> MakeFeatures:
    """The ETL step of `feed`."""
    return MakeFeatures(task_id="make_features", feed=feed)
