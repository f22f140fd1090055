"""Questions to the predictions database: rows by name, statements, and what PostgreSQL refuses as errors for a person."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import kwargs_row, tuple_row

from landfall.errors import LandfallError, PublishingError

Database = psycopg.Connection[object]
"""A connection in autocommit mode, with any row factory: this room reads through cursors of its own."""

Parameters = Sequence[object] | Mapping[str, object] | None
Query = sql.SQL | sql.Composed
Record = TypeVar("Record")


def place(conn: Database) -> str:
    """`host:port/database` of a connection that is open."""
    return f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"


def reason(error: psycopg.Error) -> str:
    """What the server or the network said, in one line."""
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
    """Turns what PostgreSQL raises inside into an error that starts with `what`: of `kind`, unless the connection was lost."""
    try:
        yield
    except psycopg.Error as error:
        if conn.closed and left:
            left = "the connection was lost, so it may have happened or not; asking again is safe"
        where = place(conn) if not conn.closed else "the connection is lost"
        said = (error.diag.message_primary or reason(error)).strip()
        command = "landfall ps" if conn.closed else next
        detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        error_of = PublishingError if conn.closed else kind
        raise error_of(what, looked=f"{where}: {said}{detail}", left=left, next=command) from error


def require_idle(conn: Database) -> None:
    """Refuses a connection that would hold our locks beyond our own transactions.

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
    """All rows of a query, as tuples whatever the connection's row factory."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        return list(cursor.execute(query, parameters))


def fetch_one(conn: Database, query: Query, parameters: Parameters = None) -> tuple[object, ...] | None:
    """The first row of a query, as `fetch`."""
    rows = fetch(conn, query, parameters)
    return rows[0] if rows else None


def fetch_as(conn: Database, make: Callable[..., Record], query: Query, parameters: Parameters = None) -> list[Record]:
    """All rows of a query, each as what `make` makes of it: a dataclass, or a function that gives one.

    Every column is an argument by its name: their order does not matter. `SELECT partition AS day` names one as the field.

    Raises:
        TypeError: a column has the name of no argument, or an argument has no column.
    """
    with conn.cursor(row_factory=kwargs_row(make)) as cursor:
        return list(cursor.execute(query, parameters))


def run(conn: Database, *statements: Query) -> None:
    """Statements without parameters, sent together in one round trip."""
    with conn.cursor() as cursor:
        cursor.execute(sql.SQL("; ").join(statements))


def set_lock_timeout(conn: Database, seconds: float, *, idle: float | None = None) -> None:
    """For the rest of the transaction, give up on a lock after `seconds` rather than make readers queue behind us.

    `idle`: seconds after which the server ends the session, if it hears nothing of us inside of the transaction.
    """
    limits = [sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{int(seconds * 1000)}ms"))]
    if idle is not None:
        within = sql.Literal(f"{int(idle * 1000)}ms")
        limits.append(sql.SQL("SET LOCAL idle_in_transaction_session_timeout = {}").format(within))
    run(conn, *limits)
