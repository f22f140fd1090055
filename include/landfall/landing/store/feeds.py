"""The object store seen as landings: which objects are there, and which partitions they make.

The truth about what has landed is this listing; messages about objects are only hints to list now.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from landfall.errors import Fault, LandingError
from landfall.landing.store import listing
from landfall.landing.store.listing import LandedObject, ObjectStore
from landfall.spec import S3, Landing, Partition, Partitions

CONNECTIONS = 16
"""Connections a client keeps, so that as many threads can put at once."""


def connect(s3: S3) -> ObjectStore:
    """A client of the object store. Asks nothing yet, so it succeeds even if the store is down.

    It gives up connecting after 3 s and reading after 30 s, three times at most: a store that is down is known in 12 s.
    Clients are safe to share between threads.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=30,
        retries={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=CONNECTIONS,
        # Other stores than Amazon's know neither virtual hosts nor its newer checksums.
        s3={"addressing_style": "path"} if s3.endpoint else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: ObjectStore = boto3.client(
        "s3",
        endpoint_url=s3.endpoint or None,
        region_name=s3.region,
        aws_access_key_id=s3.access_key or None,
        aws_secret_access_key=s3.secret_key or None,
        config=config,
    )
    return client


def list_partition(
    client: ObjectStore, bucket: str, landing: Landing, partition: Partition
) -> tuple[LandedObject, ...]:
    """The objects in one partition's folder, by key, those with unexpected names included, hidden ones (`_...`) not.

    Raises:
        LandingError: the store cannot be asked.
    """
    return visible(iterate_folder(client, bucket, landing, partition), landing, partition)


def visible(objects: Iterable[LandedObject], landing: Landing, partition: Partition) -> tuple[LandedObject, ...]:
    """Those of `objects` that are not hidden in the partition's folder: names that begin with `_` or `.` are."""
    folder = landing.folder(partition)
    return tuple(each for each in objects if not each.key.removeprefix(folder).startswith(("_", ".")))


def iterate_folder(client: ObjectStore, bucket: str, landing: Landing, partition: Partition) -> Iterator[LandedObject]:
    """Everything in one partition's folder, hidden objects (`_...`) included: what readiness is judged by."""
    return listing.under(client, bucket, landing.folder(partition))


def lacks_now(client: ObjectStore, bucket: str, landing: Landing, partition: Partition) -> str:
    """What a partition lacks to be ready, by a look at its folder; empty if it is ready.

    Raises:
        LandingError: the store cannot be asked.
    """
    return _lacks(iterate_folder(client, bucket, landing, partition), landing, partition)


def _lacks(objects: Iterable[LandedObject], landing: Landing, partition: Partition) -> str:
    return landing.lacks(partition, [(each.key, each.last_modified) for each in objects], datetime.now(UTC))


def list_landing(client: ObjectStore, bucket: str, landing: Landing) -> tuple[LandedObject, ...]:
    """Every object under the landing's prefix, by key: one request per thousand.

    Raises:
        LandingError: the store cannot be asked.
    """
    return tuple(iterate_landing(client, bucket, landing))


def iterate_landing(client: ObjectStore, bucket: str, landing: Landing) -> Iterator[LandedObject]:
    """As `list_landing`, a page at a time."""
    return listing.of_landing(client, bucket, landing)


def landed_partitions(client: ObjectStore, bucket: str, landing: Landing) -> tuple[Partitions, tuple[str, ...]]:
    """The partitions with at least one object, and the keys that belong to none, from one sweep.

    A partition is here even if its objects are empty or too large: `check_landed` judges that.

    Raises:
        LandingError: the store cannot be asked.
    """
    keys = [landed.key for landed in list_landing(client, bucket, landing)]
    homes = {key: landing.partition_of(key) for key in keys}
    unexpected = tuple(key for key, partition in homes.items() if partition is None)
    return Partitions.of(partition for partition in homes.values() if partition), unexpected


def check_complete(objects: Sequence[LandedObject], landing: Landing, partition: Partition) -> None:
    """Refuse a partition that is not ready (any more): its wait ended, and then something was deleted.

    Args:
        objects: Everything in its folder, hidden objects included.

    Raises:
        LandingError: naming what it lacks.
    """
    if objects and (lacks := _lacks(objects, landing, partition)):
        raise _refused(
            f"Partition {partition} of `{landing.name}` is not complete: {lacks}.",
            f"{landing.folder(partition)}, for {landing.ready}",
            "land what it lacks: its run is then started again",
            fault="request",  # the objects that count may be the same when a marker has come back
        )


def check_landed(objects: Sequence[LandedObject], landing: Landing, partition: Partition) -> None:
    """Refuse a partition whose objects Spark should not read: none, misplaced, empty or too large.

    Raises:
        LandingError: naming the first such object, what was expected and what to type.
    """
    folder, feed = landing.folder(partition), landing.name
    one = f"{folder}*{' or *'.join(landing.suffixes)}"
    again = f"landfall land {feed} FILE.csv --from {partition} --until {partition}"
    if not objects:
        raise _refused(f"Nothing has landed for `{feed}` on {partition}.", f"expected {one}", again)
    for landed in objects:
        if landing.partition_of(landed.key) != partition:
            raise _refused(
                f"Object `{landed.key}` is not one of partition {partition} of `{feed}`.",
                f"expected {one}",
                f"move it out of {folder}, then run the partition again",
            )
        if landed.size == 0:
            raise _refused(f"Object `{landed.key}` is empty.", f"0 bytes, last written {_minute(landed)}", again)
        if landed.size > landing.max_object_bytes:
            limit = landing.max_object_bytes
            raise _refused(
                f"Object `{landed.key}` is too large for one partition.",
                f"{landed.size:,} bytes, at most {limit:,} (Landing.max_object_bytes)",
                f"land it in smaller objects under {folder}, or raise the limit in the pipeline",
            )


def _minute(landed: LandedObject) -> str:
    return f"{landed.last_modified:%Y-%m-%d %H:%M} UTC"


def _refused(what: str, looked: str, next: str, fault: Fault = "input") -> LandingError:
    return LandingError(
        what, looked=looked, left="nothing was read; what was published before stays", next=next, fault=fault
    )
