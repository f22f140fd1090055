"""SQL that a person types: what came back, as plain values."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from landfall.database.queries import Database
from landfall.errors import PublishingError

Plain = str | int | float | bool | None | list[object] | dict[str, object]


@dataclass(frozen=True)
class Result:
    """What one statement gave: its columns and rows (both empty where it gives none), and PostgreSQL's word for it."""

    columns: tuple[str, ...]
    rows: list[tuple[Plain, ...]]
    status: str


def execute(conn: Database, statement: str) -> list[Result]:
    """Runs what was typed; one result a statement, where several are given with `;` between them.

    Raises:
        PublishingError: PostgreSQL refuses it, in its own words. Several statements are one transaction: none was done.
            The connection is closed if it was lost or if the statement was a COPY, which this does not speak.
    """
    try:
        with conn.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement.encode(errors="surrogateescape"))
            return list(_results(cursor))
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).strip() or type(error).__name__
        about = filter(None, (error.diag.message_detail, error.diag.message_hint))
        position = f"at character {error.diag.statement_position}" if error.diag.statement_position else ""
        lost = conn.closed
        if conn.info.transaction_status == TransactionStatus.ACTIVE:
            conn.close()  # a COPY that nobody answers: the connection would wait for us for ever
        raise PublishingError(
            f"The statement failed: {said}",
            looked=" ".join(filter(None, (position, *about))),
            next="landfall ps" if lost else "",
        ) from None


def _results(cursor: psycopg.Cursor[tuple[object, ...]]) -> Iterator[Result]:
    more: bool | None = True
    while more:
        columns = tuple(column.name for column in cursor.description or ())
        rows = [tuple(map(plain, row)) for row in cursor] if cursor.description else []
        yield Result(columns, rows, cursor.statusmessage or "")
        more = cursor.nextset()


def plain(value: object) -> Plain:
    """A value as JSON can hold it, losing nothing: times as ISO 8601, exact numbers and what JSON lacks as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return f"\\x{value.hex()}"
        case list() | tuple():
            return [plain(one) for one in value]
        case dict():
            return {str(name): plain(one) for name, one in value.items()}
    return str(value)
