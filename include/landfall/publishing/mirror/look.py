"""What PostgreSQL has published, for the mirror."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from landfall.database import Database, explained, fetch
from landfall.publishing.history import published_partitions
from landfall.publishing.mirror.store import MirrorStore
from landfall.publishing.mirror.write import Copied, ToCopy, mirror_partition
from landfall.publishing.reading import Kept, PublishedRow, Reading
from landfall.publishing.schema import qualified
from landfall.spec import PredictionTable

_PUBLISHED = sql.SQL("""
SELECT id, fingerprint_hash, published_at, rows, child_table FROM landfall.publications
WHERE table_name = %s AND partition = %s AND state = 'published'""")
AT_ONCE = 2_000


def mirror(conn: Database, store: MirrorStore, partitions: Sequence[str] = ()) -> Iterator[Copied]:
    """Brings partitions of a mirror to what is published, one after the other.

    Args:
        conn: The predictions database.
        store: The mirror.
        partitions: Their names; none: all that are published, and all that are mirrored.

    Raises:
        PublishingError: a server cannot be asked. What was given before is done.
    """
    if not partitions:
        published = map(str, published_partitions(conn, store.table))
        partitions = sorted({*published, *(pointer.partition for pointer in store.pointers())})
    for name in partitions:
        yield mirror_partition(store, name, partial(_published, conn, store.table, name))


def _published(conn: Database, table: PredictionTable, partition: str) -> ToCopy | None:
    with explained(conn, f"What is published of `{table.name}` {partition} is not known."):
        lines = fetch(conn, _PUBLISHED, [table.name, partition])
    if not lines:
        return None
    number, fingerprint, published_at, rows, child = lines[0]
    assert isinstance(published_at, datetime)
    kept = Kept(id=int(str(number)), partition=partition, fingerprint=str(fingerprint), child=str(child))
    return ToCopy(
        publication=kept.id,
        fingerprint=kept.fingerprint,
        published_at=published_at,
        count=int(str(rows)),
        rows=partial(_rows, conn, table, kept),
    )


def _rows(conn: Database, table: PredictionTable, kept: Kept) -> Iterable[PublishedRow]:
    """The rows of a publication, from a cursor of the server: so many rows are not held in memory."""
    reading = Reading(table, kept)
    columns = sql.SQL(", ").join(map(sql.Identifier, (*table.columns, *table.added)))
    query = sql.SQL("SELECT {} FROM {}").format(columns, qualified(kept.child))
    with (
        explained(conn, f"The rows of publication {kept.id} of `{table.name}` could not be read."),
        conn.transaction(),
        psycopg.ServerCursor(conn, "landfall_mirror", row_factory=dict_row) as cursor,
    ):
        cursor.itersize = AT_ONCE
        for record in cursor.execute(query):
            yield reading.row_of(record)
