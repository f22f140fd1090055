"""Retention: how many earlier publications of a partition keep their rows, and who may read those."""

from contextlib import suppress

import psycopg
from psycopg import sql

from landfall.database import SERVING, Database, fetch, run
from landfall.publishing.schema import qualified
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


_UNREAD = sql.SQL("""
SELECT p.child_table FROM landfall.publications p JOIN pg_roles r ON r.rolname = %s
WHERE p.table_name = %s AND p.state IN ('published', 'superseded', 'rolled_back') AND to_regclass(p.child_table) IS NOT NULL
  AND NOT has_table_privilege(r.oid, to_regclass(p.child_table)::oid, 'SELECT')""")


def let_kept_be_read(conn: Database, table: PredictionTable) -> None:
    """Lets the lookup service read the publications of `table` that are kept (`as_of`). What was never published stays closed.

    The service reads what is published through the table, without this. So what cannot be granted now, because somebody holds the
    publication's own table, is granted at the next publish.
    """
    with suppress(psycopg.Error):
        for (child,) in fetch(conn, _UNREAD, [SERVING, table.name]):
            words = {"child": qualified(str(child)), "role": sql.Identifier(SERVING)}
            run(conn, sql.SQL("GRANT SELECT ON {child} TO {role}").format(**words))
