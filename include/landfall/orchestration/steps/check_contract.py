"""Fails a partition whose rows break the contract, with the reasons, before anything is published."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context

from landfall.orchestration.lineage.datasets import Lineage
from landfall.orchestration.lineage.of_steps import contract_checked
from landfall.orchestration.pages.links import ExplainLink
from landfall.orchestration.steps.log_lines import count
from landfall.orchestration.steps.run_partition import partition_of
from landfall.orchestration.steps.step import Step, trip_of
from landfall.spec import Feed, Settings
from landfall.spec.reports import FeaturesReport


class CheckContract(Step):
    """Reads the report of `make_features` and notes the verdict in the ledger. It needs no Spark."""

    feed: Feed
    operator_extra_links = (ExplainLink(),)

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.feed = feed

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """How many rows were kept and quarantined.

        Raises:
            ContractError: too large a share of the rows is quarantined, or no row is left.
        """
        from landfall.database import connect
        from landfall.partitions import Reading, judge

        report = dict(context["ti"].xcom_pull(task_ids="make_features"))
        reading = Reading.of(partition_of(context), {name: report.pop(name) for name in ("reading", "inputs")})
        with connect(settings) as database:
            verdict = judge(database, trip_of(self.feed, context, settings), reading, FeaturesReport.of(report))
        self.log.info(
            "The contract %s holds: %s kept, %s in quarantine (allowed: %.0f %%)",
            self.feed.contract.version,
            count(verdict.rows, "row"),
            count(verdict.quarantined, "row"),
            100 * self.feed.contract.max_bad_share,
        )
        return {"rows": verdict.rows, "quarantined": verdict.quarantined}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features in, nothing out."""
        return contract_checked(settings, self.feed, partition)


def check_contract(feed: Feed) -> CheckContract:
    """The contract step of `feed`."""
    return CheckContract(task_id="check_contract", feed=feed)
