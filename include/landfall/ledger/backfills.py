"""Backfills that the command line began: when, so that one that was interrupted goes on where it was."""

from datetime import UTC, datetime

from psycopg import sql

from landfall.database import connect, explained, fetch, fetch_one
from landfall.spec import Settings

_BEGIN = sql.SQL("""
INSERT INTO landfall.backfills (words) VALUES (%s)
ON CONFLICT (words) WHERE ended_at IS NULL DO UPDATE SET words = excluded.words RETURNING began_at""")


def begin(settings: Settings, words: str) -> datetime:
    """When the backfill called `words` began: now, or when it was begun and never finished."""
    with connect(settings) as database, explained(database, f"The backfill `{words}` could not be noted."):
        found = fetch_one(database, _BEGIN, [words])
    return found[0].astimezone(UTC) if found and isinstance(found[0], datetime) else datetime.now(UTC)


def finish(settings: Settings, words: str) -> None:
    """Notes that it is done: the next of these words begins anew."""
    with connect(settings) as database, explained(database, f"The end of the backfill `{words}` could not be noted."):
        query = sql.SQL(
            "UPDATE landfall.backfills SET ended_at = now() WHERE words = %s AND ended_at IS NULL RETURNING 1"
        )
        fetch(database, query, [words])
