"""The connection to the predictions database: how long it may take, and that the database is one of this version."""

from typing import Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict

from landfall.database.migrations import require_migrated
from landfall.database.queries import reason
from landfall.errors import PublishingError, SettingsError

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


def connect(
    settings: HasDatabase, *, longest: float = WORK, migrated: bool = True
) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the predictions database: autocommit, UTC, named `landfall`. Use it in a `with`.

    A name without a schema is one in `public`, also for the role `landfall`, which has a schema of its own name.

    Args:
        settings: Where the database is.
        longest: Seconds that a statement may take: `WORK`, `QUESTION` or `NO_END`.
        migrated: Whether the database must have had all migrations of this version, as all but a migration and a person's own
            statement need.

    Raises:
        PublishingError: nothing answers there, it refuses us, or its tables are not those of this version. The message names
            host, port and database, never the password.
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
            f"The predictions database `{place}` cannot be used.", looked=reason(error), next="landfall ps"
        ) from None
    if migrated:
        try:
            require_migrated(connection)
        except BaseException:
            connection.close()
            raise
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
