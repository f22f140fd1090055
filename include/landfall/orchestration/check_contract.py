"""Fail a partition whose rows break the contract, with the reasons, before anything is published."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context

from landfall.errors import ContractError
from landfall.landing.store import feed_of
from landfall.orchestration.lineage import Lineage
from landfall.orchestration.lineage_of_steps import contract_checked
from landfall.orchestration.log_lines import count
from landfall.orchestration.run_partition import partition_of
from landfall.orchestration.step import Step
from landfall.spec import Feed, Partition, Settings


def contract_error(feed: Feed, partition: str, report: dict[str, Any]) -> ContractError | None:
    """The error that the ETL's `report` on `partition` amounts to; None when it passed."""
    if report["rows"] and not report["refused"]:
        return None
    nothing: dict[str, Any] = {"rows": 0, "quarantined": 0, "reasons": {}}
    verdict = report["refused"][0] if report["refused"] else nothing
    total = verdict["rows"] + verdict["quarantined"]
    reasons = [f"{rows} x {example}" for rows, example in list(verdict["reasons"].values())[:5]]
    if not total:
        what = f"`{feed.dag_id}` {partition}: what landed has no rows."
    else:
        allowed = f"{feed.contract.max_bad_share:.0%}"
        what = (
            f"`{feed.dag_id}` {partition}: {verdict['quarantined']} of {total} rows break the contract"
            f" (allowed: {allowed})."
        )
    return ContractError(
        what,
        looked=f"{feed.landing.folder(Partition.parse(partition))}{': ' if reasons else ''}{'; '.join(reasons)}",
        left=f"the features and the published rows of {partition} are as they were; bad rows are in the table "
        f"{feed.features.arguments['quarantine'].partition('/')[0]}",
        next=f"mend the file, then landfall land {feed_of(feed.landing)} FILE.csv --from {partition} --until {partition}",
    )


class CheckContract(Step):
    """Reads the report of `make_features`, and notes its verdict in the ledger; no Spark."""

    feed: Feed

    def __init__(self, *, feed: Feed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.feed = feed

    def run(self, context: Context, settings: Settings) -> dict[str, Any]:
        """How many rows were kept and quarantined.

        Raises:
            ContractError: too large a share is quarantined, or nothing is left.
        """
        from landfall.ledger import judge_reading
        from landfall.publishing import connect

        report = context["ti"].xcom_pull(task_ids="make_features")
        refused = sum(verdict["quarantined"] for verdict in report["refused"])
        if reading := report.get("reading"):  # a report from before there were readings has none
            with connect(settings) as database:
                judge_reading(database, reading, rows=report["rows"], quarantined=report["quarantined"] or refused)
        if error := contract_error(self.feed, str(partition_of(context)), report):
            raise error
        self.log.info(
            "The contract %s holds: %s kept, %s in quarantine (allowed: %.0f %%)",
            self.feed.contract.version,
            count(report["rows"], "row"),
            count(report["quarantined"], "row"),
            100 * self.feed.contract.max_bad_share,
        )
        return {"rows": report["rows"], "quarantined": report["quarantined"]}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features in, nothing out."""
        return contract_checked(settings, self.feed, partition)


def check_contract(feed: Feed) -> CheckContract:
    """The contract step of `feed`."""
    return CheckContract(task_id="check_contract", feed=feed)
