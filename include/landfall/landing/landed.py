"""The object store seen as landings: which objects there are, and which partitions they make.

This listing is the truth about what has landed; messages about objects are only hints to list now.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from landfall.errors import Fault, LandingError
from landfall.objects import listing
from landfall.objects.listing import LandedObject, ObjectStore
from landfall.spec import Landing, Partition


def visible(objects: Iterable[LandedObject], landing: Landing, partition: Partition) -> tuple[LandedObject, ...]:
    """The objects that are not hidden in the partition's folder: a name that begins with `_` or `.` is hidden."""
    folder = landing.folder(partition)
    return tuple(entry for entry in objects if not entry.key.removeprefix(folder).startswith(("_", ".")))


def iterate_folder(client: ObjectStore, bucket: str, landing: Landing, partition: Partition) -> Iterator[LandedObject]:
    """Everything in a partition's folder, hidden objects (`_...`) included. Readiness is judged by this."""
    return listing.under(client, bucket, landing.folder(partition))


def lacks_now(client: ObjectStore, bucket: str, landing: Landing, partition: Partition) -> str:
    """What a partition lacks to be ready, from a new listing of its folder; empty if it is ready.

    Raises:
        LandingError: the store does not answer.
    """
    return _lacks(iterate_folder(client, bucket, landing, partition), landing, partition)


def _lacks(objects: Iterable[LandedObject], landing: Landing, partition: Partition) -> str:
    return landing.lacks(partition, [(entry.key, entry.last_modified) for entry in objects], datetime.now(UTC))


def iterate_landing(
    client: ObjectStore, bucket: str, landing: Landing, only: Partition | None = None
) -> Iterator[LandedObject]:
    """Every object under the landing's prefix, or in the folder of `only`, by key, a page of a thousand at a time.

    Raises:
        LandingError: the store does not answer.
    """
    return iterate_folder(client, bucket, landing, only) if only else listing.of_landing(client, bucket, landing)


def check_complete(landing: Landing, partition: Partition, lacks: str) -> None:
    """Refuses a partition that is not ready any more: its wait ended, and then something was deleted.

    Args:
        landing: Where it lies.
        partition: The partition.
        lacks: What `landing.lacks` says of it.

    Raises:
        LandingError: it lacks something; the message says what.
    """
    if lacks:
        raise _refused(
            f"Partition {partition} of `{landing.name}` is not complete: {lacks}.",
            f"{landing.folder(partition)}, for {landing.ready}",
            "land what it lacks: its run is then started again",
            fault="request",  # the objects that count may be the same when a marker has come back
        )


def check_landed(objects: Sequence[LandedObject], landing: Landing, partition: Partition) -> None:
    """Refuses a partition whose objects Spark should not read: none at all, or one that is misplaced, empty or too large.

    Raises:
        LandingError: it names the first such object, what was expected and what to type.
    """
    folder, feed = landing.folder(partition), landing.name
    pattern = f"{folder}*{' or *'.join(landing.suffixes)}"
    again = f"landfall land {feed} {landing.a_file} --from {partition} --until {partition}"
    if not objects:
        raise _refused(f"Nothing has landed for `{feed}` on {partition}.", f"expected {pattern}", again)
    for landed in objects:
        if landing.partition_of(landed.key) != partition:
            raise _refused(
                f"Object `{landed.key}` is not one of partition {partition} of `{feed}`.",
                f"expected {pattern}",
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
