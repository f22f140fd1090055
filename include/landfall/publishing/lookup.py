"""Looks up one prediction by its key. The key may be written as an application or a person writes it."""

import math
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one
from landfall.errors import PublishingError
from landfall.publishing.history import history_command, nothing_published
from landfall.publishing.schema import qualified, sql_type
from landfall.spec import PredictionTable

KeyValue = str | int | float | datetime
Row = dict[str, object]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def lookup(conn: Database, table: PredictionTable, key: Mapping[str, KeyValue]) -> Row:
    """The row of `table` with this key: every column by name, times in UTC.

    Raises:
        PublishingError: the key is not one of this table's, there is no such row, or the table is not there yet.
    """
    wanted = parse_key(table, key)
    names = (*table.columns, *table.added)
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(map(sql.Identifier, names)),
        qualified(table.name),
        sql.SQL(" AND ").join(
            sql.SQL("{} = {}::{}").format(sql.Identifier(name), sql.Literal(wanted[name]), sql_type(table, name))
            for name in table.key
        ),
    )
    with explained(conn, f"The prediction table `{table.name}` could not be read."):
        try:
            row = fetch_one(conn, query)
        except psycopg.errors.UndefinedTable:
            raise nothing_published(conn, table) from None
        if row is None:
            raise _no_row(conn, table, wanted)
    return {name: _utc(value) for name, value in zip(names, row, strict=True)}


def parse_key(table: PredictionTable, key: Mapping[str, KeyValue]) -> dict[str, KeyValue]:
    """The key with each value in the type of its column, in the order of the table's key.

    A time may be given as an aware datetime, as epoch milliseconds, or as ISO 8601 (UTC if it names no offset).

    Raises:
        PublishingError: a column is missing, unknown or malformed.
    """
    example = " ".join(
        f"{name}={shlex.quote(str(key[name])) if name in key else _example(table, name)}" for name in table.key
    )
    for name in key:
        if name not in table.key:
            error = PublishingError.unknown(f"key column of `{table.name}`", name, list(table.key))
            raise PublishingError(error.what, looked=f"the key is {', '.join(table.key)}", next=f"give {example}")
    if missing := [name for name in table.key if name not in key]:
        raise PublishingError(
            f"The key of `{table.name}` is incomplete: `{'`, `'.join(missing)}` is missing.",
            looked=f"the key is {', '.join(table.key)}",
            next=f"give {example}",
        )
    return {name: _parse(name, table.columns[name], key[name]) for name in table.key}


EXPECTED = {
    "text": "text without NUL characters",
    "bigint": "a whole number of 64 bits",
    "double precision": "a finite number",
    "timestamptz": "epoch milliseconds (1356436800000) or ISO 8601 (2012-12-25T12:00, UTC where no offset is given)",
}
EXAMPLES = {"bigint": "7", "double precision": "0.5", "timestamptz": "2012-12-25T12:00"}


def _example(table: PredictionTable, name: str) -> str:
    """An example value for a key column. Nobody knows the values of a text column, so its name stands in their place."""
    return EXAMPLES.get(table.columns[name], name.upper())


def _parse(name: str, kind: str, value: KeyValue) -> KeyValue:
    try:
        return PARSERS[kind](value)
    except (ValueError, OverflowError, TypeError):
        raise PublishingError(
            f"The key column `{name}` cannot be {value!r}.", looked=f"expected {EXPECTED[kind]}"
        ) from None


def _text(value: KeyValue) -> str:
    text = str(value)
    text.encode()  # raises for a lone surrogate: undecodable bytes of a command line become such
    if "\0" in text:
        raise ValueError
    return text


def _bigint(value: KeyValue) -> int:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value, re.ASCII):
        raise ValueError
    if isinstance(value, datetime) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError
    return number


def _double(value: KeyValue) -> float:
    if isinstance(value, datetime) or not math.isfinite(number := float(value)):
        raise ValueError
    return number


def _time(value: KeyValue) -> datetime:
    if isinstance(value, str) and not re.fullmatch(r"-?\d+", value, re.ASCII):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return EPOCH + timedelta(milliseconds=_bigint(value))


PARSERS: dict[str, Callable[[KeyValue], KeyValue]] = {
    "text": _text,
    "bigint": _bigint,
    "double precision": _double,
    "timestamptz": _time,
}

# The name of an hour, 2012-12-25T07, is no timestamp to PostgreSQL.
NEAREST = sql.SQL("""
SELECT partition, rows FROM landfall.publications WHERE table_name = %s AND state = 'published'
ORDER BY abs(extract(epoch FROM left(partition, 10)::date
    + make_interval(hours => coalesce(nullif(substr(partition, 12), '')::int, 0)) - %s::timestamp)), partition LIMIT 3""")


def _no_row(conn: Database, table: PredictionTable, key: dict[str, KeyValue]) -> PublishingError:
    """The error for a key that has no row. It names what is published nearest to that key."""
    moment = key[table.time]
    wanted = table.calendar.holding(moment) if isinstance(moment, datetime) else None
    nearest = fetch(conn, NEAREST, [table.name, wanted.start.replace(tzinfo=None) if wanted else None])
    written = " ".join(f"{name}={v.isoformat() if isinstance(v, datetime) else v}" for name, v in key.items())
    rows = next((count for name, count in nearest if name == str(wanted)), None)
    if rows is not None:
        looked = f"{wanted} is published with {rows} rows, none of this key"
    else:
        looked = f"{wanted} is not published; nearest: {', '.join(str(name) for name, _ in nearest) or 'none'}"
    command = history_command(table) if nearest else "land a file of this pipeline (`landfall land --help`)"
    return PublishingError(f"`{table.name}` has no row `{written}`.", looked=looked, next=command)


def _utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
