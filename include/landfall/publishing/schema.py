"""The tables of the predictions database: prediction tables, their publications, and the parts staged for them.

The schema `landfall` holds the history. The schema `publications_data` holds one standalone table for each publication. A
prediction table is the parent of the published ones, one for each day or hour. It has no default partition, so that nothing
hides in one.
"""

from collections.abc import Sequence

from psycopg import sql

from landfall.database import SERVING, Database, explained, fetch, fetch_one, run
from landfall.errors import PublishingError
from landfall.spec import Partition, PredictionTable
from landfall.spec.tables import READER

DATA_SCHEMA = "publications_data"
TYPES = {
    "text": sql.SQL("text"),
    "double precision": sql.SQL("double precision"),
    "bigint": sql.SQL("bigint"),
    "timestamptz": sql.SQL("timestamptz"),
}


def qualified(name: str) -> sql.Identifier:
    """The quoted identifier of `schema.table`."""
    return sql.Identifier(*name.split(".", 1))


def sql_type(table: PredictionTable, column: str) -> sql.SQL:
    """The type of a declared column. It is one of four, so a declaration cannot smuggle other SQL in.

    Raises:
        PublishingError: the column is declared with another type.
    """
    if kind := TYPES.get(table.columns[column]):
        return kind
    raise PublishingError(
        f"The column `{column}` of `{table.name}` has the type `{table.columns[column]}`.",
        looked=f"known: {', '.join(TYPES)}",
    )


def column_definitions(table: PredictionTable) -> sql.Composed:
    """The declared columns as CREATE TABLE takes them; those of the key are NOT NULL."""
    return sql.SQL(", ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier(name), sql_type(table, name), sql.SQL("NOT NULL" if name in table.key else "")
        )
        for name in table.columns
    )


def key_definition(table: PredictionTable) -> sql.Composed:
    """`PRIMARY KEY (...)` over the key's columns."""
    return sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.key)))


def partition_type(table: PredictionTable) -> sql.SQL:
    """The type of the table's column `partition`."""
    return sql.SQL("text" if table.calendar.hourly else "date")


def bounds(table: PredictionTable, partition: Partition) -> tuple[sql.Literal, sql.Literal]:
    """The first instant of the partition and that of the next, with their offset, so that no session's time zone moves them."""
    first, after = table.calendar.window(partition)
    return sql.Literal(first.isoformat()), sql.Literal(after.isoformat())


def ensure_table(conn: Database, table: PredictionTable) -> None:
    """Makes the prediction table if it is not there, and lets `landfall_reader` and `landfall_serving` read it.

    Several callers may do so at once: one makes the table, and the others find it.

    Raises:
        PublishingError: a table of that name is there with other columns or another key. That table is left alone.
    """
    with explained(conn, f"The prediction table `{table.name}` could not be made."), conn.transaction():
        if not exists(conn, table.name):
            fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
            run(conn, sql.SQL("SET LOCAL client_min_messages = warning"), *_parent(table))
        _refuse_drift(conn, table)
        let_read(conn, table.name, (READER, SERVING))


_LACKING = sql.SQL("""
SELECT r.rolname FROM pg_roles r, pg_class c WHERE r.rolname = ANY (%s) AND c.oid = to_regclass(%s)
AND NOT (has_schema_privilege(r.oid, c.relnamespace, 'USAGE') AND has_table_privilege(r.oid, c.oid, 'SELECT'))""")


def let_read(conn: Database, name: str, roles: Sequence[str] = (READER,)) -> None:
    """Lets roles read a table, those of them that the database has. A partition needs no right of its own."""
    lacking = [sql.Identifier(str(role)) for (role,) in fetch(conn, _LACKING, [list(roles), name])]
    if not lacking:
        return
    words = {"schema": sql.Identifier(name.split(".")[0]), "roles": sql.SQL(", ").join(lacking)}
    fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
    run(
        conn,
        sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {roles}").format(**words),
        sql.SQL("GRANT SELECT ON {table} TO {roles}").format(table=qualified(name), **words),
    )


def exists(conn: Database, name: str) -> bool:
    """True if there is a table or view of this name."""
    return fetch_one(conn, sql.SQL("SELECT to_regclass(%s) IS NOT NULL"), [name]) == (True,)


def _parent(table: PredictionTable) -> tuple[sql.Composed, sql.Composed]:
    schema = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(table.name.split(".")[0]))
    added = sql.SQL(", ").join(
        sql.SQL("{} {} NOT NULL").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in table.added.items()
    )
    parent = sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}, {}, {}) PARTITION BY RANGE ({})").format(
        qualified(table.name), column_definitions(table), added, key_definition(table), sql.Identifier(table.time)
    )
    return schema, parent


COLUMNS = sql.SQL("""
SELECT a.attname, replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'),
       array_position(i.indkey::smallint[], a.attnum)
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""")


def _refuse_drift(conn: Database, table: PredictionTable) -> None:
    """Compares the table with its declaration, so that a changed declaration gives an error here and not at a failed swap."""
    rows = fetch(conn, COLUMNS, [table.name])
    columns = {str(name): str(kind) for name, kind, _ in rows}
    key = tuple(str(name) for name, _, place in sorted(rows, key=lambda row: str(row[2]).zfill(4)) if place is not None)
    declared = {**table.columns, **table.added}
    if columns == declared and key == table.key:
        return
    raise PublishingError(
        f"The prediction table `{table.name}` is not what is declared.",
        looked=f"there: {_described(columns, key)}; declared: {_described(declared, table.key)}",
        left="the table is as it was",
        next=f"rename or drop `{table.name}` with `landfall sql`, or declare it as it is",
    )


def _described(columns: dict[str, str], key: tuple[str, ...]) -> str:
    return f"{', '.join(f'{name} {kind}' for name, kind in columns.items())}, key ({', '.join(key)})"
