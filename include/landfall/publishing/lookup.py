"""Looks up one prediction by its key, for a person: a key without a row gives an error that names what is published near it."""

from collections.abc import Mapping
from datetime import datetime

import psycopg

from landfall.database import Database, explained, fetch_numbered
from landfall.errors import PublishingError
from landfall.publishing.history import history_command, nothing_published
from landfall.publishing.keyed import in_utc
from landfall.publishing.keys import KeyValue, parse_key
from landfall.publishing.reading import Reading, nearest
from landfall.spec import PredictionTable

Row = dict[str, object]


def lookup(conn: Database, table: PredictionTable, key: Mapping[str, KeyValue]) -> Row:
    """The row of `table` with this key: every column by name, times in UTC.

    Raises:
        PublishingError: the key is not one of this table's, there is no such row, or the table is not there yet.
    """
    wanted = parse_key(table, key)
    statement = Reading(table).plain_row(wanted)
    with explained(conn, f"The prediction table `{table.name}` could not be read."):
        try:
            rows = fetch_numbered(conn, statement.text, statement.parameters)
        except psycopg.errors.UndefinedTable:
            raise nothing_published(conn, table) from None
        if not rows:
            raise _no_row(conn, table, wanted)
    return {name: in_utc(value) for name, value in rows[0].items()}


def _no_row(conn: Database, table: PredictionTable, key: dict[str, KeyValue]) -> PublishingError:
    """The error for a key that has no row. It names what is published nearest to that key."""
    moment = key[table.time]
    wanted = table.calendar.holding(moment) if isinstance(moment, datetime) else None
    asked = nearest(table, wanted.start.replace(tzinfo=None) if wanted else None)
    near = {str(row["partition"]): row["rows"] for row in fetch_numbered(conn, asked.text, asked.parameters)}
    written = " ".join(f"{name}={v.isoformat() if isinstance(v, datetime) else v}" for name, v in key.items())
    if (rows := near.get(str(wanted))) is not None:
        looked = f"{wanted} is published with {rows} rows, none of this key"
    else:
        looked = f"{wanted} is not published; nearest: {', '.join(near) or 'none'}"
    command = history_command(table) if near else "land a file of this pipeline (`landfall land --help`)"
    return PublishingError(f"`{table.name}` has no row `{written}`.", looked=looked, next=command)
