"""Old snapshots: a swap waits until all snapshots that could still see what it replaces have ended."""

from psycopg import sql

from landfall.database import Database, Patience, fetch

SNAPSHOTS = sql.SQL("""
WITH RECURSIVE readable AS (
    SELECT to_regclass(%s)::oid AS oid
    UNION SELECT w.ev_class FROM readable r JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid
    JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
), reader AS MATERIALIZED (
    SELECT DISTINCT r.oid FROM pg_roles r, readable t
    WHERE has_table_privilege(r.oid, t.oid, 'SELECT') OR has_any_column_privilege(r.oid, t.oid, 'SELECT')
)
SELECT a.pid, a.usename, a.xact_start::text, a.backend_xmin::text FROM pg_stat_activity a
WHERE a.datname = current_database() AND coalesce(a.backend_type, 'client backend') = 'client backend'
  AND a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL
  AND EXISTS (SELECT FROM reader WHERE pg_has_role(a.usesysid, reader.oid, 'MEMBER'))
  AND NOT EXISTS (
    SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = a.pid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND c.relnamespace = 'publications_data'::regnamespace AND l.granted
      AND l.mode IN ('RowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock', 'AccessExclusiveLock'))""")
"""Sessions that have a snapshot and whose role could read the table or a view of it, by its own right or as a member of a role.

Sessions that fill or index a staging table are left out: they read nothing published. A plain role sees pid, role and snapshot
of other roles' sessions, but not their type; autovacuum is the one without a role. Nobody can tell what a function reads with the
rights of its owner. So a role that can read only by such a function is not waited for.
"""


def wait_for_older_snapshots(conn: Database, waiting: Patience, table: str) -> None:
    """Returns when every snapshot that exists now and could see `table` has ended. Later ones see what is committed now.

    So a query or a REPEATABLE READ transaction makes a publish fail if it runs for longer than the patience and its role may read
    the table. It does not matter what it reads: nobody can tell what it will read next.
    """
    older = set(fetch(conn, SNAPSHOTS, [table]))
    while older:
        older &= set(fetch(conn, SNAPSHOTS, [table]))
        if older:
            sessions = ", ".join(
                f"pid {pid} of `{role}`" for pid, role, *_ in sorted(older, key=lambda session: str(session[0]))
            )
            waiting.rest(f"sessions with a snapshot older than the rows: {sessions}")
