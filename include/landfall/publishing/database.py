"""The connection to the predictions database, and its failures as errors for a person."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from landfall.errors import LandfallError, PublishingError, SettingsError

Database = psycopg.Connection[object]
"""A connection in autocommit mode, with any row factory: this room reads through cursors of its own."""

Parameters = Sequence[object] | Mapping[str, object] | None
Query = sql.SQL | sql.Composed


class HasDatabase(Protocol):
    """Anything that knows the URL of the predictions database, such as `Settings`."""

    @property
    def database_url(self) -> str:
        """The libpq URL."""


def connect(settings: HasDatabase) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the predictions database: autocommit, UTC, named `landfall`. Use it in a `with`.

    A name without a schema is one in `public`, also for the role `landfall`, which has a schema of its own name.

    Raises:
        PublishingError: nothing answers there, or it refuses us. The message names host, port and database, never
            the password.
        SettingsError: `LANDFALL_DATABASE_URL` is not a libpq URL.
    """
    place = address(settings.database_url)
    try:
        connection: psycopg.Connection[tuple[object, ...]] = psycopg.connect(
            settings.database_url,
            autocommit=True,
            connect_timeout=5,
            application_name="landfall",
            options="-c TimeZone=UTC -c search_path=public",
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
            next="landfall.publishing.connect(settings)",
        )


def fetch(conn: Database, query: Query, parameters: Parameters = None) -> list[tuple[object, ...]]:
    """All rows of a query, as tuples whatever the connection's row factory."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        return list(cursor.execute(query, parameters))


def fetch_one(conn: Database, query: Query, parameters: Parameters = None) -> tuple[object, ...] | None:
    """The first row of a query, as `fetch`."""
    rows = fetch(conn, query, parameters)
    return rows[0] if rows else None


def run(conn: Database, *statements: Query) -> None:
    """Statements without parameters, sent together in one round trip."""
    with conn.cursor() as cursor:
        cursor.execute(sql.SQL("; ").join(statements))


def set_lock_timeout(conn: Database, seconds: float) -> None:
    """For the rest of the transaction, give up on a lock after `seconds` rather than make readers queue behind us."""
    run(conn, sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{int(seconds * 1000)}ms")))
