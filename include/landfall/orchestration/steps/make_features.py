"""Turns the landed objects of a partition into its features, and fails if too many of their rows break the contract."""

from collections.abc import Mapping
from typing import Any, NoReturn

from airflow.sdk import Context

from landfall.errors import RunError
from landfall.json_values import Json
from landfall.orchestration.assets import features_asset, landing_asset, table_asset
from landfall.orchestration.joined_trigger import JoinedTrigger
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import features_made
from landfall.orchestration.pages.links import ExplainLink
from landfall.orchestration.steps.log_lines import count
from landfall.orchestration.steps.run_partition import partition_of, partition_template
from landfall.orchestration.steps.spark_step import Ask, SparkStep
from landfall.orchestration.steps.step import StepReport, trip_of
from landfall.spec import Feed, Partition, Settings
from landfall.spec.reports import FeaturesReport


class MakeFeatures(SparkStep):
    """Lists the partition's objects, runs the ETL job on them, and holds its verdict against the contract.

    Reports rows, quarantine and the objects' ETags.
    """

    feed: Feed
    operator_extra_links = (ExplainLink(),)

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        super().__init__(
            job=feed.features,
            partition=partition_template(feed.landing.calendar),
            pipeline=feed.pipeline,
            inlets=[landing_asset(feed), *(table_asset(joined.table) for joined in feed.joined.values())],
            outlets=[features_asset(feed)],
            **kwargs,
        )
        self.feed = feed

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """The job that makes features of what is in the partition's folder now."""
        from landfall.database import connect
        from landfall.ledger.joined import lacking
        from landfall.objects.client import connect as connect_store
        from landfall.partitions import look, open_readings

        partition, trip = partition_of(context, self.calendar), trip_of(self.feed, context, settings)
        with connect(settings) as database:
            if lacks := lacking(database, self.feed.needs(partition)):
                self.wait_for_joined(partition, lacks)
            numbers = open_readings(database, trip, [partition])
            readings = look(database, connect_store(settings.s3), trip, numbers)
        return self.ask(readings.only(partition).as_dict())

    def wait_for_joined(self, partition: Partition, lacks: str) -> NoReturn:
        """Waits in the triggerer until what the partition joins is published.

        Raises:
            TaskDeferred: always.
        """
        self.log.info("%s waits: %s", partition, lacks)
        needs = {table: str(days) for table, days in self.feed.needs(partition).items()}
        self.defer(trigger=JoinedTrigger(needs), method_name="resume")
        raise RunError("unreachable: a deferred task does not go on")

    def resume(self, context: Context, event: dict[str, Any]) -> StepReport:
        """Goes on now that what it joins is published."""
        return self.execute(context)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """The job's report, with `inputs` ([key, ETag] of every object that it read) and the number of the `reading`.

        Raises:
            ContractError: too large a share of the rows is quarantined, or no row is left.
        """
        from landfall.database import connect
        from landfall.partitions import Reading, judge

        features, partition = FeaturesReport.of(report), partition_of(context, self.calendar)
        with connect(settings) as database:
            reading = Reading.of(partition, memo)
            verdict = judge(database, trip_of(self.feed, context, settings), reading, features)
        extra = {"partition": str(partition), "rows": verdict.rows, "quarantined": verdict.quarantined}
        self.note(context, features_asset(self.feed), extra)
        self.log.info(
            "%s of %s/dt=%s made from %s; %s in quarantine, as the contract %s allows (up to %.0f %%)",
            count(verdict.rows, "row"),
            self.feed.features_table,
            partition,
            count(len(memo["inputs"]), "object"),
            count(verdict.quarantined, "row"),
            self.feed.contract.version,
            100 * self.feed.contract.max_bad_share,
        )
        return {**features.as_dict(), **memo}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Landed objects in, features and quarantine out."""
        return features_made(settings, self.feed, partition, report)


def make_features(feed: Feed) -> MakeFeatures:
    """The ETL step of `feed`."""
    return MakeFeatures(task_id="make_features", feed=feed)
