"""The tables that a stream writes, in the schema `streams`: made at its first start, readable by `landfall_reader`."""

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one, run
from landfall.errors import StreamError
from landfall.publishing.schema import let_read, qualified
from landfall.spec.stream import SCHEMA, Stream

_TYPES = {
    "int": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
    "string": "text",
}
"""Type of a contract's column -> its type in PostgreSQL. A decimal keeps its digits: see `sql_type`."""
PLACE = {"topic": "text NOT NULL", "partition": "integer NOT NULL", "offset": "bigint NOT NULL"}
"""The columns that say which message a row is."""


def sql_type(stream: Stream, name: str) -> str:
    """The PostgreSQL type of a contract's column."""
    column = stream.contract.column(name)
    if column.type == "decimal":
        return f"numeric({column.precision},{column.scale})"
    return _TYPES[column.type]


def kept(stream: Stream) -> tuple[str, ...]:
    """The columns of a row that are kept with its prediction: those of the windows, and the label."""
    return tuple(dict.fromkeys((*stream.window.by, *filter(None, (stream.label,)))))


def definitions(stream: Stream) -> dict[str, dict[str, str]]:
    """Table of the stream -> its columns with their definitions. The place of a message is the key where there is one."""
    columns = {name: sql_type(stream, name) for name in kept(stream)}
    scored = {"prediction": "double precision", "probability": "double precision", "model_version": "text NOT NULL"}
    by = {name: sql_type(stream, name) for name in stream.window.by}
    sums = dict.fromkeys(stream.window.sums, "double precision NOT NULL DEFAULT 0")
    shares = {
        name: f'double precision GENERATED ALWAYS AS ("{of}" / nullif("rows", 0)) STORED'
        for name, of in stream.window.shares.items()
    }
    tables = {
        stream.windows_table: {
            "window_start": "timestamptz NOT NULL", "window_end": "timestamptz NOT NULL", **by,
            "rows": "bigint NOT NULL DEFAULT 0", "late": "bigint NOT NULL DEFAULT 0", **sums, **shares,
            "model_versions": "text[] NOT NULL", "updated_at": "timestamptz NOT NULL",
        },
        stream.late_table: {
            **PLACE, "event_time": "timestamptz NOT NULL", "newest_time": "timestamptz NOT NULL", **columns, **scored,
        },
        stream.dead_letters_table: {
            **PLACE, "reason": "text NOT NULL", "message": "text", "arrived_at": "timestamptz NOT NULL",
        },
    }  # fmt: skip
    if stream.predictions:
        tables[stream.predictions_table] = {
            **PLACE, "event_time": "timestamptz NOT NULL", "arrived_at": "timestamptz NOT NULL", **columns, **scored, **sums,
            "late": "boolean NOT NULL", "scored_at": "timestamptz NOT NULL DEFAULT clock_timestamp()",
        }  # fmt: skip
    return tables


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
            let_read(conn, table)


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
