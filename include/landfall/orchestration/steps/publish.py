"""Checks the staged rows and swaps them in, in one transaction."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.orchestration.assets import table_asset
from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import rows_published
from landfall.orchestration.pages.links import ExplainLink, PublicationLink
from landfall.orchestration.steps.log_lines import count
from landfall.orchestration.steps.stage import Stage
from landfall.orchestration.steps.step import Step, trip_of
from landfall.spec import Feed, Settings


class Publish(Step):
    """Publishes what the step before staged. A second try finds it published and changes nothing."""

    feed: Feed
    operator_extra_links = (PublicationLink(), ExplainLink())

    def __init__(self, *, feed: Feed, staged_by: Stage, **kwargs: Any) -> None:
        # Staged rows are no asset, so the inlets of the staging step count as those of the published table.
        super().__init__(inlets=list(staged_by.inlets), outlets=[table_asset(feed.table)], **kwargs)
        self.feed, self.staged_by = feed, staged_by.task_id

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """What readers see from now on: publication, rows, model version; and the milliseconds of the lock."""
        from landfall.database import connect
        from landfall.partitions import swap
        from landfall.publishing import find_publication

        staged, read = (context["ti"].xcom_pull(task_ids=task_id) for task_id in (self.staged_by, "make_features"))
        with connect(settings) as database:
            publication = find_publication(database, self.feed.table, staged["publication"])
            trip = trip_of(self.feed, context, settings)
            swapped = swap(database, trip, publication, read["reading"], staged["rows"])
        if not swapped.published:
            raise AirflowSkipException(swapped.why)
        extra = {
            "publication": swapped.published.id,
            "partition": str(swapped.partition),
            "rows": swapped.published.rows,
            "model_version": staged["model_version"],
        }
        self.note(context, table_asset(self.feed.table), extra)
        self.log.info(
            "Publication %d of %s, %s: %s%s are what readers see; they were shut out for %.0f ms",
            swapped.published.id,
            self.feed.table.name,
            swapped.partition,
            count(swapped.published.rows, "row"),
            f" by version {staged['model_version']}" if staged["model_version"] else "",
            swapped.published.lock_ms,
        )
        return {**extra, "lock_ms": swapped.published.lock_ms}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """The staging step's inputs in, the prediction table out."""
        return rows_published(settings, self.feed, partition, report)


def publish(feed: Feed, *, staged_by: Stage) -> Publish:
    """The publishing step of `feed`, after the step `staged_by`."""
    return Publish(task_id="publish", feed=feed, staged_by=staged_by)
