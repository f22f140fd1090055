"""Notes when the command line began a backfill, so that an interrupted one goes on where it was."""

from datetime import UTC, datetime

from psycopg import sql

from landfall.database import connect, explained, fetch, fetch_one
from landfall.spec import Settings

_BEGIN = sql.SQL("""
INSERT INTO landfall.backfills (words) VALUES (%s)
ON CONFLICT (words) WHERE ended_at IS NULL DO UPDATE SET words = excluded.words RETURNING began_at""")


def begin(settings: Settings, words: str) -> datetime:
    """When the backfill called `words` began: now, or earlier if it was begun then and never finished."""
    with connect(settings) as database, explained(database, f"The backfill `{words}` could not be noted."):
        row = fetch_one(database, _BEGIN, [words])
    return row[0].astimezone(UTC) if row and isinstance(row[0], datetime) else datetime.now(UTC)


def finish(settings: Settings, words: str) -> None:
    """Notes that the backfill called `words` is done. The next one of these words begins anew."""
    with connect(settings) as database, explained(database, f"The end of the backfill `{words}` could not be noted."):
        query = sql.SQL(
            "UPDATE landfall.backfills SET ended_at = now() WHERE words = %s AND ended_at IS NULL RETURNING 1"
        )
        fetch(database, query, [words])
