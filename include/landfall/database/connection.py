"""The connection to the predictions database, and its failures as errors for a person."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import kwargs_row, tuple_row

from landfall.errors import LandfallError, PublishingError, SettingsError

Database = psycopg.Connection[object]
"""A connection in autocommit mode, with any row factory: this room reads through cursors of its own."""

Parameters = Sequence[object] | Mapping[str, object] | None
Query = sql.SQL | sql.Composed
Record = TypeVar("Record")
WORK, QUESTION, NO_END = 7200.0, 60.0, 0.0
"""Seconds that one statement may take. `WORK`: the PRIMARY KEY of 100 million staged rows and a batch of a rescore take minutes,
nothing of ours hours. `QUESTION`: whoever asks for a row or a list waits for it. `NO_END`: a person's own statement."""
_NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A server that is gone is noticed after a minute, also while a statement runs; else a task would wait for it for hours."""
_SESSION = {
    "TimeZone": "UTC",
    "search_path": "public",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "10s",
    "lock_timeout": "300s",
    "idle_in_transaction_session_timeout": "300s",
}
"""What the server does for us. It ends a session whose process is gone, with its locks, within a minute, and its statement within
ten seconds. A lock that does not come ends in an error: a listing of a million objects holds one for minutes, nothing for longer,
but for a stranger. A transaction that is left open, by a process that was stopped, is ended. What holds up readers has shorter
times of its own (`patience`)."""


class HasDatabase(Protocol):
    """Anything that knows the URL of the predictions database, such as `Settings`."""

    @property
    def database_url(self) -> str:
        """The libpq URL."""


def connect(settings: HasDatabase, *, longest: float = WORK) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the predictions database: autocommit, UTC, named `landfall`. Use it in a `with`.

    A name without a schema is one in `public`, also for the role `landfall`, which has a schema of its own name.

    Args:
        settings: Where the database is.
        longest: Seconds that a statement may take: `WORK`, `QUESTION` or `NO_END`.

    Raises:
        PublishingError: nothing answers there, or it refuses us. The message names host, port and database, never
            the password.
        SettingsError: `LANDFALL_DATABASE_URL` is not a libpq URL.
    """
    place = address(settings.database_url)
    session = {**_SESSION, "statement_timeout": f"{longest:.0f}s"}
    try:
        connection: psycopg.Connection[tuple[object, ...]] = psycopg.connect(
            settings.database_url,
            autocommit=True,
            application_name="landfall",
            options=" ".join(f"-c {name}={value}" for name, value in session.items()),
            **_NETWORK,  # type: ignore[arg-type]
        )
    except psycopg.OperationalError as error:
        raise PublishingError(
            f"The predictions database `{place}` cannot be used.", looked=_reason(error), next="landfall ps"
        ) from None
    return connection


def address(database_url: str) -> str:
    """`host:port/database` of a libpq URL, without user and password.

    Raises:
        SettingsError: the text is not a libpq URL. The text itself is not repeated: it may hold a password.
    """
    try:
        parts = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        raise SettingsError(
            "The setting `LANDFALL_DATABASE_URL` is not a database URL.",
            looked="expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ) from None
    host, port = parts.get("host") or "localhost", parts.get("port") or 5432
    return f"{host}:{port}/{parts.get('dbname') or parts.get('user') or 'postgres'}"


def place(conn: Database) -> str:
    """`host:port/database` of a connection that is open."""
    return f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"


def _reason(error: psycopg.Error) -> str:
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
        said = (error.diag.message_primary or _reason(error)).strip()
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
