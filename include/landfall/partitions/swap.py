"""The last step: what is staged becomes what readers see, or the ledger notes why not."""

from dataclasses import dataclass

from landfall.database import Database
from landfall.errors import OutdatedError
from landfall.ledger import excuse_reading
from landfall.partitions.look import Reading
from landfall.partitions.stage import NOTHING
from landfall.partitions.trip import Trip
from landfall.publishing import Publication, Published, publish, published_by
from landfall.spec import Partition


@dataclass(frozen=True, kw_only=True)
class Done:
    """The outcome of one partition. `state` is published, skipped (nothing to publish) or failed; `why` says more."""

    partition: Partition
    state: str
    why: str = ""
    published: Published | None = None


def published_before(database: Database, trip: Trip, reading: Reading, version: str | None = None) -> Published | None:
    """What this run has published of the reading already, by `version` (None: by any): an earlier try of its last step did."""
    record = published_by(database, trip.feed.table, reading.partition, trip.run_id, reading.number)
    return None if record is None or version not in (None, record.model_version) else record


def skip(database: Database, partition: Partition, reading: int, why: str) -> Done:
    """Notes in the ledger why nothing is to be published of a partition. That is no failure."""
    excuse_reading(database, reading, why)
    return Done(partition=partition, state="skipped", why=why)


def nothing_measured(trip: Trip, rows: int) -> str:
    """Why `rows` staged rows are not published: no prediction met its actual. Empty if that is not so."""
    against = trip.feed.held_against
    return NOTHING.format(against.name) if against and not rows else ""


def swap(database: Database, trip: Trip, publication: Publication, reading: int, rows: int) -> Done:
    """Checks the `rows` that the job says it staged, and swaps them in. Calling it again changes nothing.

    Raises:
        PublishingError: a check failed, or readers held on for too long. Readers see what they saw before.
    """
    day = publication.partition
    if why := nothing_measured(trip, rows):
        return skip(database, day, reading, why)
    try:
        published = publish(database, publication, expected_rows=rows)
    except OutdatedError as error:
        return skip(database, day, reading, error.what)
    return Done(partition=day, state="published", published=published)
