"""What the role of the lookup service may do among Landfall's own tables.

Publishing lets it read what is published, and a stream its predictions and windows. A table that a model is deployed to belongs
to somebody else, who lets it read the table or does not.
"""

from psycopg import sql

from landfall.database.queries import Database, fetch, fetch_one, run

SERVING = "landfall_serving"
"""The role of the lookup service. It reads what is published, what the ledger says of a partition that is not, and the keys of
those who ask. It changes nothing but when a key was last used."""
READ_BY_SERVING = (
    "migrations",  # whether this is a database of this version
    "publications",
    "readings",
    "contracts",
    "landed_objects",
    "claims",
    "promotions",
    "freshness",
    "api_keys",
    "stream_standings",
    "deployed_tables",
)
_LACKS = sql.SQL("""
SELECT count(*) > 0 FROM pg_roles r CROSS JOIN unnest(%s::text[]) AS t(name)
WHERE r.rolname = %s AND NOT (has_schema_privilege(r.oid, 'landfall', 'USAGE')
                              AND has_schema_privilege(r.oid, 'publications_data', 'USAGE')
                              AND has_table_privilege(r.oid, t.name, 'SELECT')
                              AND has_column_privilege(r.oid, 'landfall.api_keys', 'last_used_at', 'UPDATE'))""")


def let_serve(conn: Database) -> None:
    """Gives the service's role its rights, if the database has that role and it lacks one. The tables must be of this version."""
    names = [f"landfall.{name}" for name in READ_BY_SERVING]
    if fetch_one(conn, _LACKS, [names, SERVING]) != (True,):
        return
    words = {"role": sql.Identifier(SERVING)}
    tables = sql.SQL(", ").join(sql.Identifier("landfall", name) for name in READ_BY_SERVING)
    with conn.transaction():
        fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
        run(
            conn,
            sql.SQL("GRANT USAGE ON SCHEMA landfall, publications_data TO {role}").format(**words),
            sql.SQL("GRANT SELECT ON {tables} TO {role}").format(tables=tables, **words),
            sql.SQL("GRANT UPDATE (last_used_at) ON landfall.api_keys TO {role}").format(**words),
        )
