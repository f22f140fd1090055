"""Writes the ledger: what a listing found, and what a run read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one, run
from landfall.ledger.facts import Refused
from landfall.objects.listing import LandedObject
from landfall.spec import Landing, Partition

_SWEPT = sql.SQL("""
CREATE TEMPORARY TABLE swept (key text, etag text, last_modified timestamptz, size bigint, partition text)
ON COMMIT DROP""")
_NEW = sql.SQL("""
INSERT INTO landfall.landed_objects (bucket, key, etag, last_modified, size, feed, partition)
SELECT %(bucket)s, key, etag, last_modified, size, %(feed)s, partition FROM swept
ON CONFLICT (bucket, key, etag, last_modified) DO UPDATE SET gone_at = NULL
WHERE landfall.landed_objects.gone_at IS NOT NULL
RETURNING 1""")
_GONE = sql.SQL("""
UPDATE landfall.landed_objects o SET gone_at = clock_timestamp()
WHERE o.bucket = %(bucket)s AND o.feed = %(feed)s AND o.gone_at IS NULL
  AND (%(partition)s::text IS NULL OR o.partition = %(partition)s)
  AND o.last_modified < %(listed_from)s::timestamptz - interval '2 seconds'
  AND NOT EXISTS (SELECT FROM swept s
                  WHERE s.key = o.key AND s.etag = o.etag AND s.last_modified = o.last_modified)
RETURNING 1""")


def record_landing(
    conn: Database,
    bucket: str,
    feed: str,
    landing: Landing,
    objects: Iterable[LandedObject],
    *,
    partition: Partition | None = None,
    listed_from: object = "infinity",
) -> tuple[int, int]:
    """Writes one listing down: unknown object versions are added, and those that are no longer there are marked gone.

    Args:
        conn: The predictions database.
        bucket: The bucket that was listed.
        feed: The feed, `PIPELINE/NAME`.
        landing: The feed's landing, which says which key belongs to which partition.
        objects: The whole listing, or that of the folder of `partition`.
        partition: The only partition that was listed; None if all were.
        listed_from: When the listing began. Versions newer than this are not marked gone: another listing may have found them
            while this one was under way. Two seconds are left for the clocks: S3 gives whole seconds, by its own clock.

    Returns:
        How many versions were new, and how many are gone.
    """
    names = {
        "bucket": bucket,
        "feed": feed,
        "partition": str(partition) if partition else None,
        "listed_from": listed_from,
    }
    with explained(conn, f"What landed for `{feed}` could not be written down."), conn.transaction():
        fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(hashtext(%s))"), [f"landed_objects {feed}"])
        run(conn, _SWEPT)
        with (
            conn.cursor() as cursor,
            cursor.copy("COPY swept (key, etag, last_modified, size, partition) FROM STDIN") as copy,
        ):
            for landed in objects:
                home = landing.partition_of(landed.key)
                copy.write_row(
                    (landed.key, landed.etag, landed.last_modified, landed.size, str(home) if home else None)
                )
        return len(fetch(conn, _NEW, names)), len(fetch(conn, _GONE, names))


def known_etags(conn: Database, bucket: str, keys: list[str]) -> dict[str, str]:
    """The ETag of each of `keys` as a listing last found it. Keys that no listing has found are left out."""
    query = sql.SQL(
        "SELECT DISTINCT ON (key) key, etag FROM landfall.landed_objects WHERE bucket = %s AND key = ANY(%s)"
        " ORDER BY key, seen_at DESC"
    )
    with explained(conn, "Which objects had been seen is not known."):
        return {str(key): str(etag) for key, etag in fetch(conn, query, [bucket, keys])}


def open_reading(conn: Database, feed: str, partition: Partition, run_id: str) -> int:
    """Opens a reading before the run lists its objects, and gives its number. A higher number means newer objects."""
    with explained(conn, f"The reading of `{feed}` {partition} could not be noted."):
        query = sql.SQL("INSERT INTO landfall.readings (feed, partition, run_id) VALUES (%s, %s, %s) RETURNING id")
        row = fetch_one(conn, query, [feed, str(partition), run_id])
    return int(str(row[0])) if row else 0


def close_reading(conn: Database, reading: int, objects: Mapping[str, str]) -> None:
    """Notes the objects that were listed: key -> ETag."""
    with explained(conn, f"The reading {reading} could not be noted."):
        query = sql.SQL("UPDATE landfall.readings SET objects = %s::jsonb WHERE id = %s RETURNING id")
        fetch(conn, query, [json.dumps(dict(objects)), reading])


def judge_reading(conn: Database, reading: int, *, rows: int, quarantined: int) -> None:
    """Notes how many rows the contract kept and how many it did not."""
    with explained(conn, f"The verdict on reading {reading} could not be noted."):
        query = sql.SQL("UPDATE landfall.readings SET rows = %s, quarantined = %s WHERE id = %s RETURNING id")
        fetch(conn, query, [rows, quarantined, reading])


def excuse_reading(conn: Database, reading: int, why: str) -> None:
    """Notes why nothing was published of what was read."""
    with explained(conn, f"Why nothing came of reading {reading} could not be noted."):
        fetch(conn, sql.SQL("UPDATE landfall.readings SET said = %s WHERE id = %s RETURNING id"), [why, reading])


_REFUSE = sql.SQL("""
UPDATE landfall.readings SET refused = %(refused)s::jsonb
WHERE id = (SELECT max(id) FROM landfall.readings
            WHERE feed = %(feed)s AND partition = %(partition)s AND run_id = %(run_id)s)
RETURNING id""")


def refuse_reading(conn: Database, feed: str, partition: Partition, run_id: str, refused: Refused) -> None:
    """Notes that what `run_id` has read failed by its own fault.

    No audit starts it again until it, the code or the contract changes. If the run has read nothing, nothing is noted.
    """
    names = {"feed": feed, "partition": str(partition), "run_id": run_id, "refused": json.dumps(asdict(refused))}
    with explained(conn, f"That `{feed}` {partition} was refused could not be noted."):
        fetch(conn, _REFUSE, names)


_CLAIM = sql.SQL("""
WITH newest AS (SELECT max(id) AS id, max(opened_at) AS at FROM landfall.readings
                WHERE feed = %(feed)s AND partition = %(partition)s)
INSERT INTO landfall.claims AS claim (feed, partition, restarts, made_of)
SELECT %(feed)s, %(partition)s, %(restarts)s, %(made_of)s FROM newest WHERE newest.id IS NOT DISTINCT FROM %(seen)s
ON CONFLICT (feed, partition) DO UPDATE
SET claimed_at = clock_timestamp(), restarts = excluded.restarts, made_of = excluded.made_of
WHERE claim.claimed_at <= clock_timestamp() - %(patience)s OR claim.claimed_at <= (SELECT at FROM newest)
RETURNING 1""")


def claim(
    conn: Database,
    feed: str,
    partition: str,
    newest_reading: int | None,
    patience: timedelta,
    *,
    restarts: int = 0,
    made_of: str = "",
) -> bool:
    """Claims the start of a partition's run; True if the caller may start it now.

    That is so if nobody else has claimed the start, if that claim is older than `patience`, or if the partition has been read
    since.

    Args:
        conn: The predictions database.
        feed: `PIPELINE/FEED`.
        partition: The partition.
        newest_reading: Number of the newest reading that the caller decided from. If there is a newer one, the start is refused.
        patience: How long a start that somebody else claimed is left to him.
        restarts: Which restart in a row this is, counted from 1; 0 for a start that follows no failure.
        made_of: A digest of what is there: see `landfall.ledger.restarts`.
    """
    names = {"feed": feed, "partition": partition, "seen": newest_reading, "patience": patience}
    names |= {"restarts": restarts, "made_of": made_of}
    with explained(conn, f"The start of `{feed}` {partition} could not be claimed."):
        return bool(fetch(conn, _CLAIM, names))


def note_late(conn: Database, feed: str, partition: Partition, due_at: datetime, lacks: str) -> None:
    """Notes that the deadline of a partition passed before it had landed. A deadline is noted once."""
    with explained(conn, f"That `{feed}` {partition} is late could not be noted."):
        query = sql.SQL(
            "INSERT INTO landfall.late_landings (feed, partition, due_at, lacks) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING 1"
        )
        fetch(conn, query, [feed, str(partition), due_at, lacks])
