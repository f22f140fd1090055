"""The first step: lists what lies in the partitions' folders now, and writes it to the ledger.

The number of a reading is taken before anything is listed. So of two readings, the one with the higher number has seen newer
objects, however long either listing takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from landfall.database import Database
from landfall.errors import LandingError
from landfall.landing.landed import check_complete, check_landed, visible
from landfall.ledger import close_reading, open_reading
from landfall.ledger.joined import JoinedNow, joined_now
from landfall.ledger.landed import list_feed
from landfall.objects.listing import ObjectStore
from landfall.partitions.trip import Trip
from landfall.pipelines import PIPELINES
from landfall.spec import Partition


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a run has read of one partition.

    Args:
        partition: The partition.
        number: The reading's number in the ledger.
        objects: Key -> ETag of the objects that Spark is to read.
        joined: What it joins of other published tables: see `landfall.ledger.joined`.
        size: Their bytes together; 0 if a task handed the reading on.
    """

    partition: Partition
    number: int
    objects: Mapping[str, str]
    joined: Mapping[str, str] = field(default_factory=dict)
    size: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The reading as a task hands it to the tasks after it, without its size; `of` reads it."""
        inputs = {"reading": self.number, "inputs": [[key, etag] for key, etag in self.objects.items()]}
        return {**inputs, "joined": dict(self.joined)} if self.joined else inputs

    @classmethod
    def of(cls, partition: Partition, handed_on: Mapping[str, Any]) -> Self:
        """The reading of `partition` that an earlier task handed on: what `as_dict` gave."""
        objects, joined = dict(handed_on["inputs"]), handed_on.get("joined", {})
        return cls(partition=partition, number=int(handed_on["reading"]), objects=objects, joined=joined)


@dataclass(frozen=True)
class Looked:
    """The result of a look: the partitions that Spark can read, and why it cannot read the others."""

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
    """Opens a reading of each partition and gives its number. Call it before anything is listed."""
    return {day: open_reading(database, trip.feed.full_name, day, trip.run_id) for day in partitions}


def look(database: Database, store: ObjectStore, trip: Trip, numbers: Mapping[Partition, int]) -> Looked:
    """Lists what lies in the partitions' folders, writes it to the ledger, and checks each partition.

    A partition must be complete, in place and not too large, and what it joins must be published. A single partition's folder
    is listed alone; for several partitions the whole landing is listed.

    Args:
        database: The predictions database.
        store: The object store.
        trip: The run.
        numbers: The number of each partition's reading, from `open_readings`.

    Raises:
        LandfallError: the store or the database cannot be asked.
    """
    landing, bucket = trip.feed.landing, trip.settings.s3.bucket
    alone = next(iter(numbers)) if len(numbers) == 1 else None
    landed = list_feed(database, store, bucket, trip.feed, only=alone)
    joined = joined_now(database, trip.feed, numbers)
    readings: dict[Partition, Reading] = {}
    refused: dict[Partition, LandingError] = {}
    for partition, number in numbers.items():
        etags = {key: data.etag for key, data in landed.objects.get(partition, {}).items()}
        close_reading(database, number, etags)
        objects = visible(landed.folders.get(partition, ()), landing, partition)
        try:
            check_landed(objects, landing, partition)
            check_complete(landing, partition, landed.lacks.get(partition, ""))
            _check_joined(trip, partition, joined.get(partition))
        except LandingError as error:
            refused[partition] = error
            continue
        size = sum(landed_object.size for landed_object in objects)
        digests = joined[partition].digests if partition in joined else {}
        readings[partition] = Reading(partition=partition, number=number, objects=etags, joined=digests, size=size)
    return Looked(readings, refused)


def _check_joined(trip: Trip, partition: Partition, joined: JoinedNow | None) -> None:
    """Refuses a partition that joins something which is not published yet. That is no fault of what landed.

    Raises:
        LandingError: something is missing; the message says what, and of which feed.
    """
    if joined is None or not joined.lacks:
        return
    tables = {needed.table.name for needed in trip.feed.joined.values()}
    feeds = [feed.full_name for pipeline in PIPELINES.values() for feed in pipeline.feeds if feed.table.name in tables]
    raise LandingError(
        f"`{trip.feed.dag_id}` {partition} cannot be joined: {joined.lacks}.",
        looked="landfall.publications",
        left="nothing was written, what was published stays; it is made once that is published",
        next="    ".join(f"landfall status {name}" for name in feeds) or "run the feeds that publish these tables",
        fault="server",
    )
