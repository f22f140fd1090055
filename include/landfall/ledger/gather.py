"""Gathering facts: one listing, two queries and a look at Airflow's runs for each feed."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.errors import SpecError
from landfall.ledger.facts import Claimed, Facts, Made, Read, Refused, Seen
from landfall.objects.listing import LandedObject
from landfall.spec import Feed, Landing, Partition, PredictionTable

log = logging.getLogger(__name__)
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
    lacks = {partition: _lacks(landing, partition, there, now) for partition, there in listed.items()}
    return Landed(kept, lacks, tuple(unexpected))


def _lacks(landing: Landing, partition: Partition, there: Iterable[tuple[str, datetime]], now: datetime) -> str:
    """What a partition lacks. One that cannot be judged is not ready, and hides no other."""
    try:
        return landing.lacks(partition, there, now)
    except Exception as error:
        log.exception("Whether %s%s is ready cannot be judged", landing.prefix, partition)
        return f"it cannot be judged: {error!r}"


def gather(
    conn: Database,
    pipeline: str,
    feed: Feed,
    landed: Landed,
    runs: Runs | None,
    *,
    of: PredictionTable | None = None,
    only: Partition | None = None,
    dag_paused: bool = False,
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
        dag_paused: Whether the feed's DAG is paused.

    Raises:
        PublishingError: the database cannot be asked.
        RunError: Airflow cannot be asked.
    """
    name = f"{pipeline}/{feed.name}"
    read, made, claimed = newest_readings(conn, name, only), _made(conn, feed.table, only), _claimed(conn, name, only)
    predicted = _made(conn, of, only) if of else {}
    seen = runs(feed) if runs else {}
    bare = Facts(pipeline=pipeline, feed=feed, partition=Partition(datetime(1970, 1, 1, tzinfo=UTC).date()))
    bare = replace(bare, runs_known=runs is not None, dag_paused=dag_paused)
    names = {only} if only else {*landed.objects, *landed.lacks, *read, *made, *seen}
    found = [
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
    return held_up(found)


def held_up(found: Sequence[Facts]) -> list[Facts]:
    """The facts, in which a queued run is held where all the runs that its backfill lets go on wait for data."""
    going: dict[int, list[Facts]] = {}
    for facts in found:
        if facts.run and facts.run.backfill is not None and facts.run.state == "running":
            going.setdefault(facts.run.backfill, []).append(facts)

    def held(facts: Facts) -> Facts:
        run = facts.run
        if run is None or run.held or run.state != "queued" or run.backfill is None:
            return facts
        before = going.get(run.backfill, [])
        if len(before) < run.slots or not all(each.lacks for each in before):
            return facts
        names = ", ".join(str(each.partition) for each in before[:3]) + (", ..." if len(before) > 3 else "")
        why = f"its backfill {run.backfill} lets {run.slots} runs go on at a time, and these wait for data: {names}"
        return replace(facts, run=replace(run, held=why))

    return [held(facts) for facts in found]


def newest_readings(conn: Database, feed: str, only: Partition | None = None) -> dict[Partition, Read]:
    """The newest reading of each partition of `feed` (`PIPELINE/FEED`) that was ever read, or of the one asked for."""
    day = str(only) if only else None
    with explained(conn, f"What was read of `{feed}` is not known."):
        rows = fetch(conn, _READ, [feed, day, day])
    return {partition: _reading(row) for partition, row in _possible(rows)}


def _possible(rows: Iterable[tuple[object, ...]]) -> Iterator[tuple[Partition, tuple[object, ...]]]:
    """The rows of partitions, named in the first column. What an earlier version took for a partition is left out."""
    for row in rows:
        try:
            yield Partition.parse(str(row[0])), row
        except SpecError as error:
            log.warning("A row of the ledger is left out. %s", error)


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
        partition: Claimed(at=at.astimezone(UTC), restarts=int(str(count)), made_of=str(of))
        for partition, (_, at, count, of) in _possible(rows)
        if isinstance(at, datetime)
    }


def _made(conn: Database, table: PredictionTable, only: Partition | None) -> dict[Partition, Made]:
    day = str(only) if only else None
    with explained(conn, f"The publications of `{table.name}` could not be read."):
        rows = fetch(conn, _MADE, [table.name, day, day])
    return {partition: _publication(row) for partition, row in _possible(rows)}


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
