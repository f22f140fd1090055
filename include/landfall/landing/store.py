"""The object store seen as landings: which objects are there, and which partitions they make.

The truth about what has landed is this listing; messages about objects are only hints to list now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Protocol, Self

from landfall.errors import LandingError
from landfall.landing.store_errors import translated
from landfall.pipelines import PIPELINES
from landfall.spec import S3, Landing, Partition, Partitions

CONNECTIONS = 16
"""Connections a client keeps, so that as many threads can put at once."""


class ObjectStore(Protocol):
    """The part of a boto3 S3 client that landings use."""

    @property
    def meta(self) -> Any: ...
    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, ContinuationToken: str = ..., MaxKeys: int = ...
    ) -> Mapping[str, Any]: ...
    def put_object(self, *, Bucket: str, Key: str, Body: IO[bytes], ContentType: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class LandedObject:
    """One object as a listing gives it. `etag` is without quotes, `size` in bytes, `last_modified` in UTC."""

    key: str
    etag: str
    size: int
    last_modified: datetime

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The object in one entry of a ListObjectsV2 answer's `Contents`."""
        return cls(entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"].astimezone(UTC))


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
    return _objects(client, bucket, landing.folder(partition))


def list_landing(client: ObjectStore, bucket: str, landing: Landing) -> tuple[LandedObject, ...]:
    """Every object under the landing's prefix, by key: one request per thousand.

    Raises:
        LandingError: the store cannot be asked.
    """
    return tuple(iterate_landing(client, bucket, landing))


def iterate_landing(client: ObjectStore, bucket: str, landing: Landing) -> Iterator[LandedObject]:
    """As `list_landing`, a page at a time."""
    return _objects(client, bucket, f"{landing.prefix}/")


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
    pairs = [(each.key, each.last_modified) for each in objects]
    if objects and (lacks := landing.lacks(partition, pairs, datetime.now(UTC))):
        raise _refused(
            f"Partition {partition} of `{feed_of(landing)}` is not complete: {lacks}.",
            f"{landing.folder(partition)}, for {landing.ready}",
            "land what it lacks: its run is then started again",
        )


def check_landed(objects: Sequence[LandedObject], landing: Landing, partition: Partition) -> None:
    """Refuse a partition whose objects Spark should not read: none, misplaced, empty or too large.

    Raises:
        LandingError: naming the first such object, what was expected and what to type.
    """
    folder, feed = landing.folder(partition), feed_of(landing)
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


def endpoint_of(client: ObjectStore) -> str:
    """The address the client talks to."""
    return str(client.meta.endpoint_url)


def _objects(client: ObjectStore, bucket: str, prefix: str) -> Iterator[LandedObject]:
    """Objects under `prefix`. Keys ending in a slash are folders that a browser made, not objects."""
    more: dict[str, Any] = {}
    while True:
        doing = f"The landings under `{prefix}` could not be listed"
        with translated(doing, bucket=bucket, endpoint=endpoint_of(client), left="nothing changed"):
            page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        yield from (LandedObject.of(entry) for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def feed_of(landing: Landing) -> str:
    """What the command line calls the feed that lands there; the prefix if no pipeline declares it."""
    names = (f"{p.name}/{feed.name}" for p in PIPELINES.values() for feed in p.feeds if feed.landing == landing)
    return next(names, landing.prefix)


def _minute(landed: LandedObject) -> str:
    return f"{landed.last_modified:%Y-%m-%d %H:%M} UTC"


def _refused(what: str, looked: str, next: str) -> LandingError:
    return LandingError(what, looked=looked, left="nothing was read; what was published before stays", next=next)
