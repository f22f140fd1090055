"""Turn what landed for a partition into its features."""

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from landfall.errors import LandingError
from landfall.orchestration.assets import features_asset
from landfall.orchestration.run_partition import PARTITION, partition_of
from landfall.orchestration.step import SparkStep
from landfall.spec import Feed, Settings


class MakeFeatures(SparkStep):
    """List the partition's objects, run the ETL job on them, report rows, quarantine and the objects' ETags."""

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        super().__init__(job=feed.features, partition=PARTITION, outlets=[features_asset(feed)], **kwargs)
        self.feed = feed

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """The report of the job, with `inputs`: [key, ETag] of every object it read."""
        from landfall.landing.store import check_landed, connect, list_partition

        partition = partition_of(context)
        objects = list_partition(connect(settings.s3), settings.s3.bucket, self.feed.landing, partition)
        try:
            check_landed(objects, self.feed.landing, partition)
        except LandingError as error:
            raise AirflowFailException(str(error)) from error
        report = self.spark(settings)
        report["inputs"] = [[landed.key, landed.etag] for landed in objects]
        extra = {"partition": str(partition), "rows": report["rows"], "quarantined": report["quarantined"]}
        self.note(context, features_asset(self.feed), extra)
        return report


def make_features(feed: Feed) -> MakeFeatures:
    """The ETL step of `feed`."""
    return MakeFeatures(task_id="make_features", feed=feed)
