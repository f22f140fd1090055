"""Gathering facts: one listing, two queries and a look at Airflow's runs for each feed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from psycopg import sql

from landfall.landing.listing import LandedObject
from landfall.ledger.facts import Claimed, Facts, Made, Read, Refused, Seen
from landfall.publishing.database import Database, explained, fetch
from landfall.spec import Feed, Landing, Partition, PredictionTable

Runs = Callable[[Feed], Mapping[Partition, Seen]]
"""Asks for the runs of a feed's DAG."""

_READ = sql.SQL("""
SELECT DISTINCT ON (partition) partition, id, run_id, opened_at, objects, rows, quarantined, coalesce(said, ''), refused
FROM landfall.readings WHERE feed = %s AND (%s::text IS NULL OR partition = %s) ORDER BY partition, id DESC""")
_MADE = sql.SQL("""
SELECT partition::text, id, fingerprint, rows, published_at, restored_at FROM landfall.publications
WHERE table_name = %s AND state = 'published' AND (%s::text IS NULL OR partition::text = %s)""")
_CLAIMED = sql.SQL("""
SELECT partition, claimed_at, restarts, coalesce(made_of, '') FROM landfall.claims
WHERE feed = %s AND (%s::text IS NULL OR partition = %s)""")


@dataclass(frozen=True)
class Landed:
    """What one listing found of a feed. `unexpected` are the keys that belong to no partition."""

    objects: Mapping[Partition, Mapping[str, LandedObject]]
    lacks: Mapping[Partition, str] = field(default_factory=dict)
    unexpected: tuple[str, ...] = ()


def sort_objects(landing: Landing, objects: Iterable[LandedObject], now: datetime) -> Landed:
    """A listing by partition. Memory grows with the objects, about 0.4 kB each."""
    kept: dict[Partition, dict[str, LandedObject]] = {}
    listed: dict[Partition, list[tuple[str, datetime]]] = {}
    unexpected: list[str] = []
    for landed in objects:
        home = landing.home_of(landed.key)
        data = landing.partition_of(landed.key)
        if data:
            kept.setdefault(data, {})[landed.key] = landed
        if home and (data or home[1].startswith(("_", "."))):
            listed.setdefault(home[0], []).append((landed.key, landed.last_modified))
        else:
            unexpected.append(landed.key)
    lacks = {partition: landing.lacks(partition, there, now) for partition, there in listed.items()}
    return Landed(kept, lacks, tuple(unexpected))


def gather(
    conn: Database,
    pipeline: str,
    feed: Feed,
    landed: Landed,
    runs: Runs | None,
    *,
    of: PredictionTable | None = None,
    only: Partition | None = None,
) -> list[Facts]:
    """The facts of every partition that landed, was read, was published or has a run; in the order of partitions.

    Args:
        conn: The predictions database.
        pipeline: Name of the pipeline.
        feed: The feed.
        landed: What is in S3 now.
        runs: Asks Airflow; None where it is away.
        of: The predictions that the feed's rows are held against, if they are.
        only: The partition that alone is asked for.

    Raises:
        PublishingError: the database cannot be asked.
        RunError: Airflow cannot be asked.
    """
    name = f"{pipeline}/{feed.name}"
    read, made, claimed = newest_readings(conn, name, only), _made(conn, feed.table, only), _claimed(conn, name, only)
    predicted = _made(conn, of, only) if of else {}
    seen = runs(feed) if runs else {}
    bare = Facts(pipeline=pipeline, feed=feed, partition=Partition(datetime(1970, 1, 1, tzinfo=UTC).date()))
    bare = replace(bare, runs_known=runs is not None)
    names = {only} if only else {*landed.objects, *landed.lacks, *read, *made, *seen}
    return [
        replace(
            bare,
            partition=partition,
            objects={key: each.etag for key, each in landed.objects.get(partition, {}).items()},
            lacks=landed.lacks.get(partition, "no object yet"),
            landed_at=max((each.last_modified for each in landed.objects.get(partition, {}).values()), default=None),
            read=read.get(partition),
            made=made.get(partition),
            run=seen.get(partition),
            claimed=claimed.get(partition),
            predicted_at=predicted[partition].published_at if partition in predicted else None,
        )
        for partition in sorted(names)
    ]


def newest_readings(conn: Database, feed: str, only: Partition | None = None) -> dict[Partition, Read]:
    """The newest reading of each partition of `feed` (`PIPELINE/FEED`) that was ever read, or of the one asked for."""
    day = str(only) if only else None
    with explained(conn, f"What was read of `{feed}` is not known."):
        rows = fetch(conn, _READ, [feed, day, day])
    return {Partition.parse(str(row[0])): _reading(row) for row in rows}


def _reading(row: tuple[object, ...]) -> Read:
    _, number, run_id, at, objects, rows, quarantined, said, refused = row
    if not isinstance(at, datetime):
        raise TypeError(f"landfall.readings has other columns than this version knows: {row}")
    return Read(
        number=int(str(number)),
        run_id=str(run_id),
        at=at.astimezone(UTC),
        objects={str(key): str(etag) for key, etag in objects.items()} if isinstance(objects, dict) else None,
        rows=None if rows is None else int(str(rows)),
        quarantined=None if quarantined is None else int(str(quarantined)),
        said=str(said),
        refused=Refused(**refused) if isinstance(refused, dict) else None,
    )


def _claimed(conn: Database, feed: str, only: Partition | None) -> dict[Partition, Claimed]:
    day = str(only) if only else None
    with explained(conn, f"What was started of `{feed}` is not known."):
        rows = fetch(conn, _CLAIMED, [feed, day, day])
    return {
        Partition.parse(str(partition)): Claimed(at=at.astimezone(UTC), restarts=int(str(count)), made_of=str(of))
        for partition, at, count, of in rows
        if isinstance(at, datetime)
    }


def _made(conn: Database, table: PredictionTable, only: Partition | None) -> dict[Partition, Made]:
    day = str(only) if only else None
    with explained(conn, f"The publications of `{table.name}` could not be read."):
        rows = fetch(conn, _MADE, [table.name, day, day])
    return {Partition.parse(str(row[0])): _publication(row) for row in rows}


def _publication(row: tuple[object, ...]) -> Made:
    _, number, fingerprint, rows, at, restored = row
    if not isinstance(fingerprint, dict) or not isinstance(at, datetime):
        raise TypeError(f"landfall.publications has other columns than this version knows: {row}")
    return Made(
        publication=int(str(number)),
        objects={str(each["key"]): str(each["etag"]) for each in fingerprint["objects"]},
        code=str(fingerprint["code_version"]),
        model=str(fingerprint["model_version"]),
        contract=str(fingerprint["contract"]),
        rows=int(str(rows)),
        published_at=at.astimezone(UTC),
        restored_at=restored.astimezone(UTC) if isinstance(restored, datetime) else None,
    )
