"""Retention: how many earlier publications of a partition keep their rows."""

from contextlib import suppress

import psycopg
from psycopg import sql

from landfall.database import Database, fetch
from landfall.publishing.staging import drop_child
from landfall.spec import Partition, PredictionTable

BEYOND = sql.SQL("""
SELECT id, child_table FROM landfall.publications
WHERE table_name = %s AND partition = %s AND state IN ('superseded', 'rolled_back') AND child_table IS NOT NULL
ORDER BY greatest(published_at, restored_at) DESC, id DESC OFFSET %s""")


def prune(conn: Database, table: PredictionTable, partition: Partition) -> None:
    """Drops the rows of earlier publications of a partition, except the `table.keep` publications that readers saw last.

    Readers of the prediction table are not held up. What cannot be dropped now (somebody reads an old child itself, the
    connection is lost) stays until the next publish of the partition. The swap before this has happened all the same.
    """
    with suppress(psycopg.Error), conn.transaction():
        for number, child in fetch(conn, BEYOND, [table.name, str(partition), table.keep]):
            drop_child(conn, int(str(number)), str(child))
