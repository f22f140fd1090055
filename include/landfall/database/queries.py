"""Runs queries and statements in the predictions database, and turns what PostgreSQL refuses into errors for a person."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, kwargs_row, tuple_row

from landfall.errors import LandfallError, PublishingError

Database = psycopg.Connection[object]
"""A connection in autocommit mode. Its row factory does not matter, because this room reads through its own cursors."""

Parameters = Sequence[object] | Mapping[str, object] | None
Query = sql.SQL | sql.Composed
Record = TypeVar("Record")


def place(conn: Database) -> str:
    """`host:port/database` of an open connection."""
    return f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"


def reason(error: psycopg.Error) -> str:
    """The reason that the server or the network gave, in one line."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.rpartition(" failed: ")[2].removeprefix("FATAL:  ").strip()


@contextmanager
def explained(
    conn: Database,
    what: str,
    *,
    left: str = "",
    next: str = "landfall logs postgres",
    kind: type[LandfallError] = PublishingError,
) -> Iterator[None]:
    """Turns an error that PostgreSQL raises inside the `with` into a Landfall error.

    Args:
        conn: The connection that is used inside.
        what: The first sentence of the error.
        left: What is left behind, for the error.
        next: The command to type next, for the error.
        kind: The type of the error. If the connection was lost, it is a PublishingError in any case.
    """
    try:
        yield
    except psycopg.Error as error:
        if conn.closed and left:
            left = "the connection was lost, so it may have happened or not; asking again is safe"
        server = place(conn) if not conn.closed else "the connection is lost"
        message = (error.diag.message_primary or reason(error)).strip()
        command = "landfall ps" if conn.closed else next
        detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        error_of = PublishingError if conn.closed else kind
        raise error_of(what, looked=f"{server}: {message}{detail}", left=left, next=command) from error


def require_idle(conn: Database) -> None:
    """Raises an error if the connection would keep our locks beyond the end of our own transactions.

    Raises:
        PublishingError: the connection is inside a transaction, or not in autocommit mode.
    """
    if not conn.autocommit or conn.info.transaction_status != TransactionStatus.IDLE:
        raise PublishingError(
            "Publishing needs a connection of its own.",
            looked="expected autocommit=True and no open transaction",
            next="landfall.database.connect(settings)",
        )


def fetch(conn: Database, query: Query, parameters: Parameters = None) -> list[tuple[object, ...]]:
    """All rows of a query as tuples, whatever the connection's row factory is."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        return list(cursor.execute(query, parameters))


def fetch_one(conn: Database, query: Query, parameters: Parameters = None) -> tuple[object, ...] | None:
    """The first row of a query as a tuple; None if there is no row."""
    rows = fetch(conn, query, parameters)
    return rows[0] if rows else None


def fetch_as(conn: Database, make: Callable[..., Record], query: Query, parameters: Parameters = None) -> list[Record]:
    """All rows of a query, each turned into what `make` gives: a dataclass, or a function that returns one.

    Every column becomes the argument of its name, so the order of columns does not matter. An alias gives a column the name of
    a field: `SELECT partition AS day`.

    Raises:
        TypeError: no argument has the name of a column, or an argument has no column.
    """
    with conn.cursor(row_factory=kwargs_row(make)) as cursor:
        return list(cursor.execute(query, parameters))


def fetch_numbered(conn: Database, text: str, parameters: Sequence[object] = ()) -> list[dict[str, object]]:
    """All rows, by column name, of a statement that writes its parameters `$1`, `$2`, as PostgreSQL itself does."""
    with psycopg.RawCursor(conn, row_factory=dict_row) as cursor:
        return list(cursor.execute(text.encode(), parameters))


def run(conn: Database, *statements: Query) -> None:
    """Runs statements without parameters, all in one round trip."""
    with conn.cursor() as cursor:
        cursor.execute(sql.SQL("; ").join(statements))


def set_lock_timeout(conn: Database, seconds: float, *, idle: float | None = None) -> None:
    """For the rest of the transaction, a statement gives up on a lock after `seconds`, so that readers do not queue behind us.

    `idle` is the number of seconds without a statement in the transaction after which the server ends the session.
    """
    limits = [sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{int(seconds * 1000)}ms"))]
    if idle is not None:
        within = sql.Literal(f"{int(idle * 1000)}ms")
        limits.append(sql.SQL("SET LOCAL idle_in_transaction_session_timeout = {}").format(within))
    run(conn, *limits)
