"""The first step: what lies in the partitions' folders now, written to the ledger.

The number of a reading is taken before anything is listed, so that of two readings the one with the higher number has seen
newer objects, however long either listing takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from landfall.database import Database
from landfall.errors import LandingError
from landfall.landing.landed import check_complete, check_landed, iterate_folder, iterate_landing, visible
from landfall.ledger import close_reading, open_reading, record_landing
from landfall.objects.listing import LandedObject, ObjectStore
from landfall.partitions.trip import Trip
from landfall.spec import Landing, Partition


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a run has read of one partition.

    Args:
        partition: The partition.
        number: The reading's number in the ledger.
        objects: Key -> ETag of the objects that Spark is to read.
        size: Their bytes together; 0 where the reading was handed on by a task.
    """

    partition: Partition
    number: int
    objects: Mapping[str, str]
    size: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For the tasks after this one; `of` reads it."""
        return {"reading": self.number, "inputs": [[key, etag] for key, etag in self.objects.items()]}

    @classmethod
    def of(cls, partition: Partition, told: Mapping[str, Any]) -> Self:
        """The reading of `partition` that an earlier task has told."""
        return cls(partition=partition, number=int(told["reading"]), objects=dict(told["inputs"]))


@dataclass(frozen=True)
class Looked:
    """What a look found: the partitions that Spark can read, and why it cannot read the others."""

    readings: Mapping[Partition, Reading] = field(default_factory=dict)
    refused: Mapping[Partition, LandingError] = field(default_factory=dict)

    def only(self, partition: Partition) -> Reading:
        """The reading of the one partition that was looked at.

        Raises:
            LandingError: Spark cannot read it.
        """
        if partition in self.refused:
            raise self.refused[partition]
        return self.readings[partition]


def open_readings(database: Database, trip: Trip, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """A number for the reading of each partition, taken before anything is listed."""
    return {each: open_reading(database, trip.feed.full_name, each, trip.run_id) for each in partitions}


def look(database: Database, store: ObjectStore, trip: Trip, numbers: Mapping[Partition, int]) -> Looked:
    """List what lies in the partitions' folders, write it to the ledger, and judge each: complete, in place, not too large.

    One partition's folder is listed alone; for several the whole landing is.

    Args:
        database: The predictions database.
        store: The object store.
        trip: The run.
        numbers: What `open_readings` gave.

    Raises:
        LandfallError: the store or the database cannot be asked.
    """
    landing, bucket, began = trip.feed.landing, trip.settings.s3.bucket, datetime.now(UTC)
    alone = next(iter(numbers)) if len(numbers) == 1 else None
    listed = tuple(iterate_folder(store, bucket, landing, alone) if alone else iterate_landing(store, bucket, landing))
    record_landing(database, bucket, trip.feed.full_name, landing, listed, partition=alone, listed_from=began)
    folders = _by_folder(landing, listed)
    readings: dict[Partition, Reading] = {}
    refused: dict[Partition, LandingError] = {}
    for partition, number in numbers.items():
        folder = folders.get(partition, [])
        counted = {each.key: each.etag for each in folder if landing.partition_of(each.key)}
        close_reading(database, number, counted)
        objects = visible(folder, landing, partition)
        try:
            check_landed(objects, landing, partition)
            check_complete(folder, landing, partition)
        except LandingError as error:
            refused[partition] = error
            continue
        size = sum(each.size for each in objects)
        readings[partition] = Reading(partition=partition, number=number, objects=counted, size=size)
    return Looked(readings, refused)


def _by_folder(landing: Landing, listed: Iterable[LandedObject]) -> dict[Partition, list[LandedObject]]:
    """The listing by the partition in whose folder each object lies, whatever its name."""
    found: dict[Partition, list[LandedObject]] = {}
    for each in listed:
        if home := landing.home_of(each.key):
            found.setdefault(home[0], []).append(each)
    return found
