"""The tables that a model is deployed to, as a role that owns none of them sees them: what it may read of each.

The lookup service asks this. It serves a table whose owner has let its role read the columns of the primary key; of the other
columns, those that the role may read. No right is given here: a deployed table belongs to its owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from psycopg import sql

from landfall.database import SERVING, Database, explained, fetch_as
from landfall.deployments.names import TableName, quoted

_READABLE = sql.SQL("""
SELECT n.nspname AS schema_name, c.relname AS table_name, d.model, d.version, d.since, a.attname AS column_name,
       format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END,
                   CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END) AS type,
       array_position(k.indkey::smallint[], a.attnum) AS place,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable
FROM landfall.deployed_tables d JOIN pg_class c ON c.oid = d.table_oid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index k ON k.indrelid = c.oid AND k.indisprimary
ORDER BY n.nspname, c.relname, a.attnum""")
_LONG = {"timestamp with time zone": "timestamptz"}


@dataclass(frozen=True, kw_only=True)
class ReadableColumn:
    """A column of a deployed table; `place` is its place in the primary key, None if it is not in it."""

    schema_name: str
    table_name: str
    model: str
    version: str
    since: datetime
    column_name: str
    type: str
    place: int | None
    readable: bool


@dataclass(frozen=True, kw_only=True)
class ReadableTable:
    """A deployed table as the role of this connection sees it.

    Args:
        table: The table.
        model: The model that scores its rows.
        version: The version that scores them now.
        since: Since when it does.
        columns: Column -> type, for the columns that the role may read.
        key: The primary key; empty if the table has none.
        closed: Columns of the key that the role may not read.
    """

    table: TableName
    model: str
    version: str
    since: datetime
    columns: Mapping[str, str]
    key: tuple[str, ...]
    closed: tuple[str, ...]

    @property
    def grants(self) -> tuple[str, ...]:
        """The statements with which the table's owner lets the lookup service read it."""
        schema, table = quoted(self.table.schema), self.table.quoted
        return f"GRANT USAGE ON SCHEMA {schema} TO {SERVING}", f"GRANT SELECT ON {table} TO {SERVING}"


def readable_tables(conn: Database) -> list[ReadableTable]:
    """The deployed tables, in the order of their names, with what the role of this connection may read of each.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, "The tables of deployed models could not be read."):
        lines = fetch_as(conn, ReadableColumn, _READABLE)
    tables = groupby(lines, key=lambda line: (line.schema_name, line.table_name))
    return [_table(TableName(*name), list(columns)) for name, columns in tables]


def _table(name: TableName, lines: Iterable[ReadableColumn]) -> ReadableTable:
    lines = list(lines)
    in_key = sorted((line for line in lines if line.place is not None), key=lambda line: line.place or 0)
    return ReadableTable(
        table=name,
        model=lines[0].model,
        version=lines[0].version,
        since=lines[0].since,
        columns={line.column_name: _LONG.get(line.type, line.type) for line in lines if line.readable},
        key=tuple(line.column_name for line in in_key),
        closed=tuple(line.column_name for line in in_key if not line.readable),
    )
