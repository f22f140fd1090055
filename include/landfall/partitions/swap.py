"""The last step: what is staged becomes what readers see, or the ledger is told why not."""

from dataclasses import dataclass

from landfall.database import Database
from landfall.errors import OutdatedError
from landfall.ledger import excuse_reading
from landfall.partitions.stage import NOTHING
from landfall.partitions.trip import Trip
from landfall.publishing import Publication, Published, publish
from landfall.spec import Partition


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of one partition. `state` is published, skipped (nothing to publish) or failed; `why` says more."""

    partition: Partition
    state: str
    why: str = ""
    published: Published | None = None


def skip(database: Database, partition: Partition, reading: int, why: str) -> Done:
    """Nothing is to be published of a partition, which is no failure: the ledger is told why."""
    excuse_reading(database, reading, why)
    return Done(partition=partition, state="skipped", why=why)


def nothing_measured(trip: Trip, rows: int) -> str:
    """Why `rows` staged rows are not published: no prediction met its actual. Empty where there is no such reason."""
    against = trip.feed.held_against
    return NOTHING.format(against.name) if against and not rows else ""


def swap(database: Database, trip: Trip, publication: Publication, reading: int, rows: int) -> Done:
    """Check the `rows` that the job says it staged, and swap them in. Doing it again changes nothing.

    Raises:
        PublishingError: a check failed, or readers held on for too long. Readers see what they saw before.
    """
    day = publication.partition
    if why := nothing_measured(trip, rows):
        return skip(database, day, reading, why)
    try:
        done = publish(database, publication, expected_rows=rows)
    except OutdatedError as error:
        return skip(database, day, reading, error.what)
    return Done(partition=day, state="published", published=done)
