"""The tables that a stream writes, in the schema `streams`: made at its first start.

`landfall_reader` may read all of them, and the lookup service those that it serves.
"""

from psycopg import sql

from landfall.database import SERVING, Database, explained, fetch, fetch_one, run
from landfall.errors import StreamError
from landfall.publishing.schema import let_read, qualified
from landfall.spec.stream import SCHEMA, Stream
from landfall.spec.stream_tables import definitions, served_tables
from landfall.spec.tables import READER


def ensure_tables(conn: Database, stream: Stream) -> None:
    """Makes the stream's tables where they are missing.

    Raises:
        StreamError: a table is there with other columns: the declaration has changed. It is left alone.
        PublishingError: the database refuses.
    """
    with explained(conn, f"The tables of the stream `{stream.name}` could not be made."), conn.transaction():
        fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
        run(
            conn,
            sql.SQL("SET LOCAL client_min_messages = warning"),
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)),
        )
        for table, columns in definitions(stream).items():
            if fetch_one(conn, sql.SQL("SELECT to_regclass(%s) IS NOT NULL"), [table]) != (True,):
                run(conn, *_make(stream, table, columns))
            _refuse_drift(conn, stream, table, list(columns))
            let_read(conn, table, (READER, SERVING) if table in served_tables(stream) else (READER,))


def _make(stream: Stream, table: str, columns: dict[str, str]) -> list[sql.Composed]:
    made = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
    )
    named = qualified(table)
    statements = [sql.SQL("CREATE TABLE {} ({})").format(named, made)]
    if table == stream.windows_table:
        key = sql.SQL(", ").join(map(sql.Identifier, ("window_start", *stream.window.by)))
        statements.append(sql.SQL("CREATE UNIQUE INDEX ON {} ({}) NULLS NOT DISTINCT").format(named, key))
        return statements
    statements.append(sql.SQL('ALTER TABLE {} ADD PRIMARY KEY (topic, partition, "offset")').format(named))
    return statements


def _refuse_drift(conn: Database, stream: Stream, table: str, declared: list[str]) -> None:
    rows = fetch(conn, _COLUMNS, [table])
    there = [str(row[0]) for row in rows]
    if there == declared:
        return
    raise StreamError(
        f"The table `{table}` of the stream `{stream.name}` is not what is declared.",
        looked=f"there: {', '.join(there)}; declared: {', '.join(declared)}",
        left="the table is as it was, the stream was not started",
        next=f"rename or drop `{table}` with `landfall sql`, or give Stream.table another name",
        fault="request",
    )


_COLUMNS = sql.SQL("""
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum""")
