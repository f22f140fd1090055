"""Connects to the predictions database, sets its time limits, and checks that the database has this version's tables."""

from typing import Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict

from landfall.database.migrations import require_migrated
from landfall.database.queries import reason
from landfall.errors import PublishingError, SettingsError

WORK, QUESTION, NO_END = 7200.0, 60.0, 0.0
"""The seconds that a statement may take. `WORK` is for our own statements: the PRIMARY KEY of 100 million staged rows and a batch
of a rescore take minutes, and none takes hours. `QUESTION` is for a row or a list that somebody waits for. `NO_END` is for a
person's own statement."""
_NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""With these settings a client notices within a minute that a server is gone, also while a statement runs. Otherwise a task
would wait for it for hours."""
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
"""Settings of the session in the server. If a process is gone, the server ends its statement within ten seconds, and its session
and locks within a minute. If a lock is not granted in time, the statement fails: a listing of a million objects holds a lock for
minutes, and only a stranger holds one for longer. The server ends a transaction that a stopped process left open. Work that holds
up readers has shorter limits of its own (`patience`)."""


class HasDatabase(Protocol):
    """Anything that has the URL of the predictions database, such as `Settings`."""

    @property
    def database_url(self) -> str:
        """The libpq URL."""


def connect(
    settings: HasDatabase, *, longest: float = WORK, migrated: bool = True
) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the predictions database, in autocommit mode and UTC, named `landfall`. Use it in a `with`.

    A name without a schema means one in `public`. That is so for the role `landfall` too, although a schema has its name.

    Args:
        settings: Where the database is.
        longest: The seconds that a statement may take: `WORK`, `QUESTION` or `NO_END`.
        migrated: True if the database must have had all migrations of this version. Only a migration and a person's own
            statement do without.

    Raises:
        PublishingError: nothing answers there, the server refuses us, or the tables are not those of this version. The message
            names host, port and database, never the password.
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
        SettingsError: the text is not a libpq URL. The message does not repeat the text, which may hold a password.
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
