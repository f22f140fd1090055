"""The first step: what lies in the partitions' folders now, written to the ledger.

The number of a reading is taken before anything is listed, so that of two readings the one with the higher number has seen
newer objects, however long either listing takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from landfall.database import Database
from landfall.errors import LandingError
from landfall.landing.landed import check_complete, check_landed, visible
from landfall.ledger import close_reading, open_reading
from landfall.ledger.landed import list_feed
from landfall.objects.listing import ObjectStore
from landfall.partitions.trip import Trip
from landfall.spec import Partition


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
    landing, bucket = trip.feed.landing, trip.settings.s3.bucket
    alone = next(iter(numbers)) if len(numbers) == 1 else None
    landed = list_feed(database, store, bucket, trip.feed, only=alone)
    readings: dict[Partition, Reading] = {}
    refused: dict[Partition, LandingError] = {}
    for partition, number in numbers.items():
        etags = {key: data.etag for key, data in landed.objects.get(partition, {}).items()}
        close_reading(database, number, etags)
        objects = visible(landed.folders.get(partition, ()), landing, partition)
        try:
            check_landed(objects, landing, partition)
            check_complete(landing, partition, landed.lacks.get(partition, ""))
        except LandingError as error:
            refused[partition] = error
            continue
        size = sum(landed_object.size for landed_object in objects)
        readings[partition] = Reading(partition=partition, number=number, objects=etags, size=size)
    return Looked(readings, refused)
