"""Lists what lies in the store of a feed now, writes it to the ledger and sorts it by partition.

The audit, a run's look at its partition, the bulk backfill and a training's collection all list with `list_feed`. The command
line shows a listing that is not written down (`sort_objects`), or what the ledger has from the last listing (`recorded`).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from landfall.database import Database, explained, fetch_as
from landfall.landing.landed import iterate_landing
from landfall.ledger.record import record_landing
from landfall.objects.listing import LandedObject, ObjectStore
from landfall.spec import Feed, Landing, Partition

log = logging.getLogger(__name__)
_RECORDED = sql.SQL("""
SELECT key, etag, last_modified, size FROM landfall.landed_objects
WHERE feed = %s AND gone_at IS NULL AND partition = ANY(%s)""")


@dataclass(frozen=True)
class Landed:
    """One listing of a feed.

    Args:
        objects: Partition -> key -> object: the objects that count as its data.
        lacks: Partition -> what it still lacks to be ready, for a person; empty if it is ready.
        folders: Partition -> everything that lies in its folder, hidden and misplaced objects too, in the order of keys.
        unexpected: The keys that belong to no partition.
        listed: How many objects were listed.
        new: How many object versions the ledger did not know.
        gone: How many object versions the ledger knew that are no longer there.
    """

    objects: Mapping[Partition, Mapping[str, LandedObject]]
    lacks: Mapping[Partition, str] = field(default_factory=dict)
    folders: Mapping[Partition, Sequence[LandedObject]] = field(default_factory=dict)
    unexpected: tuple[str, ...] = ()
    listed: int = 0
    new: int = 0
    gone: int = 0


def list_feed(
    conn: Database,
    store: ObjectStore,
    bucket: str,
    feed: Feed,
    *,
    only: Partition | None = None,
    now: datetime | None = None,
) -> Landed:
    """Lists what is there of a feed, or of one partition of it, and writes it to the ledger.

    Args:
        conn: The predictions database.
        store: The object store.
        bucket: The bucket that data lands in.
        feed: The feed.
        only: The only partition to list; None: the whole landing.
        now: The moment at which readiness is judged; default: the present.

    Raises:
        LandingError: the store cannot be asked. PublishingError: the database cannot be asked.
    """
    began, landing = datetime.now(UTC), feed.landing
    objects = tuple(iterate_landing(store, bucket, landing, only))
    new, gone = record_landing(conn, bucket, feed.full_name, landing, objects, partition=only, listed_from=began)
    return sort_objects(landing, objects, now or datetime.now(UTC), new=new, gone=gone)


def recorded(conn: Database, feed: Feed, partitions: Iterable[Partition]) -> Landed:
    """What the ledger has of some partitions of a feed from the last listing of each folder. The store is not asked.

    The ledger has no markers, because a marker is no data. So here a partition counts as ready if it has data.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"What landed for `{feed.full_name}` is not known."):
        recorded_objects = fetch_as(conn, LandedObject, _RECORDED, [feed.full_name, [str(day) for day in partitions]])
    objects: dict[Partition, dict[str, LandedObject]] = {}
    for landed in recorded_objects:
        if partition := feed.landing.partition_of(landed.key):
            objects.setdefault(partition, {})[landed.key] = landed
    return Landed(objects, dict.fromkeys(objects, ""))


def sort_objects(landing: Landing, objects: Iterable[LandedObject], now: datetime, **counts: Any) -> Landed:
    """Sorts a listing by partition. `counts` are fields of `Landed`. Memory grows with the objects, about 0.4 kB for each."""
    data: dict[Partition, dict[str, LandedObject]] = {}
    folders: dict[Partition, list[LandedObject]] = {}
    judged: dict[Partition, list[tuple[str, datetime]]] = {}
    unexpected: list[str] = []
    listed = 0
    for landed in objects:
        listed += 1
        home, partition = landing.home_of(landed.key), landing.partition_of(landed.key)
        if home:
            folders.setdefault(home[0], []).append(landed)
        if partition:
            data.setdefault(partition, {})[landed.key] = landed
        if home and (partition or home[1].startswith(("_", "."))):
            judged.setdefault(home[0], []).append((landed.key, landed.last_modified))
        else:
            unexpected.append(landed.key)
    lacks = {partition: _lacks(landing, partition, there, now) for partition, there in judged.items()}
    return Landed(data, lacks, folders, tuple(unexpected), listed, **counts)


def _lacks(landing: Landing, partition: Partition, there: Iterable[tuple[str, datetime]], now: datetime) -> str:
    """What a partition lacks. If it cannot be judged, it is not ready, and the others are judged all the same."""
    try:
        return landing.lacks(partition, there, now)
    except Exception as error:
        log.exception("Whether %s%s is ready cannot be judged", landing.prefix, partition)
        return f"it cannot be judged: {error!r}"
