"""Runs SQL that a person types and gives the results as plain values."""

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
class StatementResult:
    """The result of one statement: its columns and rows, both empty if it returns none, and PostgreSQL's status text."""

    columns: tuple[str, ...]
    rows: list[tuple[Plain, ...]]
    status: str


def execute(conn: Database, statement: str) -> list[StatementResult]:
    """Runs a statement, or several with `;` between them. Gives a result for each.

    Raises:
        PublishingError: PostgreSQL refuses a statement; the message has its words. Several statements are one transaction, so
            none was done. The connection is closed if it was lost, or if the statement was a COPY, which is not supported.
    """
    try:
        with conn.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement.encode(errors="surrogateescape"))
            return list(_results(cursor))
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).strip() or type(error).__name__
        about = filter(None, (error.diag.message_detail, error.diag.message_hint))
        position = f"at character {error.diag.statement_position}" if error.diag.statement_position else ""
        lost = conn.closed
        if conn.info.transaction_status == TransactionStatus.ACTIVE:
            conn.close()  # a COPY that gets no data: the connection would wait for us for ever
        raise PublishingError(
            f"The statement failed: {message}",
            looked=" ".join(filter(None, (position, *about))),
            next="landfall ps" if lost else "",
        ) from None


def _results(cursor: psycopg.Cursor[tuple[object, ...]]) -> Iterator[StatementResult]:
    more: bool | None = True
    while more:
        columns = tuple(column.name for column in cursor.description or ())
        rows = [tuple(map(plain, row)) for row in cursor] if cursor.description else []
        yield StatementResult(columns, rows, cursor.statusmessage or "")
        more = cursor.nextset()


def plain(value: object) -> Plain:
    """The value in a form that JSON can hold, without loss: times as ISO 8601, exact numbers and other types as text."""
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
            return [plain(item) for item in value]
        case dict():
            return {str(name): plain(item) for name, item in value.items()}
    return str(value)
