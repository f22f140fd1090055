"""Brings the mirror of a partition to what is published. A rerun is safe at any point, and two at once end in the newer state."""

import math
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from landfall.errors import PublishingError
from landfall.publishing.mirror.items import BUCKET_ROWS, Generation, Pointer, row_item
from landfall.publishing.mirror.store import MirrorStore
from landfall.publishing.reading import PublishedRow

LEFT_AFTER = timedelta(hours=6)
"""A generation that was begun so long ago and is not whole was left by a process that died. It is deleted."""
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class ToCopy:
    """A publication that readers of PostgreSQL see.

    Args:
        publication: Its number.
        fingerprint: The digest of what it was made of.
        published_at: When it was first published.
        count: How many rows it has.
        rows: Reads them.
    """

    publication: int
    fingerprint: str
    published_at: datetime
    count: int
    rows: Callable[[], Iterable[PublishedRow]]


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What came of a partition: readers were switched, nothing had changed, or the partition is published no more.

    `rows` is the number that was written, `deleted` that of the rows of older generations.
    """

    partition: str
    outcome: Literal["switched", "unchanged", "removed"]
    rows: int
    deleted: int


def mirror_partition(store: MirrorStore, partition: str, look: Callable[[], ToCopy | None]) -> Copied:
    """Writes what is published of a partition beside what readers of the mirror see, then switches them.

    The pointer is read before PostgreSQL is. If somebody switches meanwhile, this looks again, so an older publication never
    takes the place of a newer one.

    Args:
        store: The mirror.
        partition: The name of the partition.
        look: Gives what is published now; None if nothing is.

    Raises:
        PublishingError: a server cannot be asked, or the partition is switched by others again and again. Readers see what
            they saw.
    """
    written = 0
    for _ in range(TRIES):
        before, publication = store.pointer(partition), look()
        if publication is None:
            if before is None or store.remove(before):
                outcome: Literal["unchanged", "removed"] = "removed" if before else "unchanged"
                return Copied(partition=partition, outcome=outcome, rows=0, deleted=_clean(store, partition, None))
            continue
        if before and (before.publication, before.fingerprint) == (publication.publication, publication.fingerprint):
            return Copied(partition=partition, outcome="unchanged", rows=0, deleted=_clean(store, partition, before))
        generation = _written(store, partition, publication)
        written += publication.count
        after = Pointer(
            partition=partition, publication=publication.publication, fingerprint=publication.fingerprint,
            published_at=publication.published_at, generation=generation.name, buckets=generation.buckets,
            previous=before.generation if before else "", turn=before.turn + 1 if before else 1,
        )  # fmt: skip
        if store.switch(after, before):
            store.note(partition, replace(generation, whole=True))
            return Copied(
                partition=partition, outcome="switched", rows=written, deleted=_clean(store, partition, after)
            )
        store.delete(partition, generation)
    raise PublishingError(
        f"The mirror `{store.where}` of {partition} was switched by others, {TRIES} times.",
        left="readers see what the last of them wrote",
        next="landfall mirror NAME    (when the other one has ended)",
    )


def _written(store: MirrorStore, partition: str, publication: ToCopy) -> Generation:
    """A generation with all rows of a publication, which no reader sees yet."""
    generation = Generation(
        name=f"{publication.publication:020d}.{secrets.token_hex(8)}",
        buckets=max(1, math.ceil(publication.count / BUCKET_ROWS)),
        began=datetime.now(UTC),
        whole=False,
    )
    store.note(partition, generation)
    count = store.put(row_item(store.table, generation.name, generation.buckets, row) for row in publication.rows())
    if count != publication.count:
        store.delete(partition, generation)
        raise PublishingError(
            f"Publication {publication.publication} of `{store.table.name}` has {publication.count} rows, {count} were read.",
            looked=f"partition {partition}",
            left="readers of the mirror see what they saw",
            next="landfall mirror NAME    (a rerun is safe)",
        )
    return generation


def _clean(store: MirrorStore, partition: str, pointer: Pointer | None) -> int:
    """Deletes the generations that no reader can be at: all but the present one, the one before, and those under way."""
    kept = {pointer.generation, pointer.previous} if pointer else set()
    alive = datetime.now(UTC) - LEFT_AFTER
    return sum(
        store.delete(partition, generation)
        for generation in store.generations(partition)
        if generation.name not in kept and (generation.whole or generation.began < alive)
    )
