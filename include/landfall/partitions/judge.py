"""The step after the features: notes in the ledger what the contract says of a partition."""

from landfall.database import Database
from landfall.errors import ContractError
from landfall.ledger import judge_reading
from landfall.partitions.look import Reading
from landfall.partitions.trip import Trip
from landfall.spec.reports import FeaturesReport, Verdict


def judge(database: Database, trip: Trip, reading: Reading, report: FeaturesReport) -> Verdict:
    """Notes and gives the verdict on a partition: how many rows were kept, and how many broke the contract.

    Raises:
        ContractError: a larger share broke the contract than it allows, or no row is left. The features stay what they were.
    """
    verdict = report.verdict(reading.partition)
    passed = report.passed(reading.partition)
    judge_reading(database, reading.number, rows=verdict.rows if passed else 0, quarantined=verdict.quarantined)
    if not passed:
        raise _refused(trip, reading, verdict)
    return verdict


def _refused(trip: Trip, reading: Reading, verdict: Verdict) -> ContractError:
    feed, partition = trip.feed, reading.partition
    reasons = "; ".join(f"{rows} x {example}" for rows, example in list(verdict.reasons.values())[:5])
    total = verdict.rows + verdict.quarantined
    what = "what landed has no rows."
    if total:
        allowed = f"{feed.contract.max_bad_share:.0%}"
        what = f"{verdict.quarantined} of {total} rows break the contract (allowed: {allowed})."
    return ContractError(
        f"`{feed.dag_id}` {partition}: {what}",
        looked=f"{feed.landing.folder(partition)}{': ' if reasons else ''}{reasons}",
        left=f"the features and the published rows of {partition} are as they were; bad rows are in the table "
        f"{feed.quarantine_table}",
        next=f"mend the file, then landfall land {feed.full_name} {feed.landing.a_file} --from {partition} --until {partition}",
    )
