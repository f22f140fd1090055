"""Gathers facts: by one listing, two queries and a look at Airflow's runs for each feed."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from psycopg import sql

from landfall import publishing
from landfall.database import Database, explained, fetch_as
from landfall.errors import SpecError
from landfall.ledger.facts import Claimed, Facts, Read, Refused, Seen
from landfall.ledger.joined import JoinedNow, joined_now
from landfall.ledger.landed import Landed
from landfall.spec import Feed, Partition

log = logging.getLogger(__name__)
Value = TypeVar("Value")
NOTHING_JOINED = JoinedNow()
Runs = Callable[[Feed], Mapping[Partition, Seen]]
"""Asks for the runs of a feed's DAG."""

_READ = sql.SQL("""
SELECT DISTINCT ON (partition) partition AS name, id AS number, run_id, opened_at AS at, objects, rows, quarantined,
       coalesce(said, '') AS said, refused
FROM landfall.readings WHERE feed = %s AND (%s::text IS NULL OR partition = %s) ORDER BY partition, id DESC""")
_CLAIMED = sql.SQL("""
SELECT partition AS name, claimed_at AS at, restarts, coalesce(made_of, '') AS made_of FROM landfall.claims
WHERE feed = %s AND (%s::text IS NULL OR partition = %s)""")


def gather(
    conn: Database,
    feed: Feed,
    landed: Landed,
    runs: Runs | None,
    *,
    only: Partition | None = None,
    dag_paused: bool = False,
) -> list[Facts]:
    """The facts of every partition that landed, was read, was published or has a run, in the order of partitions.

    Args:
        conn: The predictions database.
        feed: The feed.
        landed: What has landed.
        runs: Asks Airflow; None if Airflow is away.
        only: The only partition to gather facts of; None: all.
        dag_paused: Whether the feed's DAG is paused.

    Raises:
        PublishingError: the database cannot be asked.
        RunError: Airflow cannot be asked.
    """
    read, claimed = newest_readings(conn, feed.full_name, only), _claimed(conn, feed.full_name, only)
    made = publishing.made(conn, feed.table, only)
    predicted = publishing.made(conn, feed.held_against, only) if feed.held_against else {}
    known_runs = runs(feed) if runs else {}
    bare = Facts(feed=feed, partition=Partition(datetime(1970, 1, 1, tzinfo=UTC).date()))
    bare = replace(bare, runs_known=runs is not None, dag_paused=dag_paused)
    names = {only} if only else {*landed.objects, *landed.lacks, *read, *made, *known_runs}
    joined = joined_now(conn, feed, names)
    gathered = [
        replace(
            bare,
            partition=partition,
            objects={key: data.etag for key, data in landed.objects.get(partition, {}).items()},
            lacks=landed.lacks.get(partition, "no object yet") or joined.get(partition, NOTHING_JOINED).lacks,
            landed_at=max((data.last_modified for data in landed.objects.get(partition, {}).values()), default=None),
            read=read.get(partition),
            made=made.get(partition),
            run=known_runs.get(partition),
            claimed=claimed.get(partition),
            predicted_at=predicted[partition].published_at if partition in predicted else None,
            joined=joined.get(partition, NOTHING_JOINED).digests,
            joined_at=joined.get(partition, NOTHING_JOINED).since,
        )
        for partition in sorted(names)
    ]
    return held_up(gathered)


def held_up(gathered: Sequence[Facts]) -> list[Facts]:
    """The same facts, but a queued run is `held` if all the runs that its backfill lets go on wait for data."""
    going: dict[int, list[Facts]] = {}
    for facts in gathered:
        if facts.run and facts.run.backfill is not None and facts.run.state == "running":
            going.setdefault(facts.run.backfill, []).append(facts)

    def held(facts: Facts) -> Facts:
        run = facts.run
        if run is None or run.held or run.state != "queued" or run.backfill is None:
            return facts
        before = going.get(run.backfill, [])
        if len(before) < run.slots or not all(other.lacks for other in before):
            return facts
        names = ", ".join(str(other.partition) for other in before[:3]) + (", ..." if len(before) > 3 else "")
        why = f"its backfill {run.backfill} lets {run.slots} runs go on at a time, and these wait for data: {names}"
        return replace(facts, run=replace(run, held=why))

    return [held(facts) for facts in gathered]


def newest_readings(conn: Database, feed: str, only: Partition | None = None) -> dict[Partition, Read]:
    """The newest reading of each partition of `feed` (`PIPELINE/FEED`) that was ever read; with `only`, of that partition."""
    day = str(only) if only else None
    with explained(conn, f"What was read of `{feed}` is not known."):
        return possible(fetch_as(conn, _reading, _READ, [feed, day, day]))


def possible(rows: Iterable[tuple[str, Value]]) -> dict[Partition, Value]:
    """The values by partition, from pairs of its name and a value. Names that no longer are partitions are left out."""
    values = {}
    for name, value in rows:
        try:
            values[Partition.parse(name)] = value
        except SpecError as error:
            log.warning("A row of the ledger is left out. %s", error)
    return values


def _reading(*, name: str, refused: dict[str, str] | None, **columns: Any) -> tuple[str, Read]:
    return name, Read(refused=Refused(**refused) if refused else None, **columns)


def _claimed(conn: Database, feed: str, only: Partition | None) -> dict[Partition, Claimed]:
    day = str(only) if only else None
    with explained(conn, f"What was started of `{feed}` is not known."):
        return possible(fetch_as(conn, _claim, _CLAIMED, [feed, day, day]))


def _claim(*, name: str, **columns: Any) -> tuple[str, Claimed]:
    return name, Claimed(**columns)
