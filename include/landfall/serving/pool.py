"""Connections of the service to the predictions database, and what is tried again so that no caller notices.

A swap can make a prepared statement invalid, and a restart of PostgreSQL ends every connection. Both are mended here: the
statement is prepared anew, the connection is opened anew. Only a database that stays away reaches a caller, as `Unavailable`.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from landfall.errors import PublishingError
from landfall.publishing.keyed import Statement

SESSION = {
    "application_name": "landfall serving",
    "TimeZone": "UTC",
    "search_path": "pg_catalog, pg_temp",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
    # A plan for any value would lock every partition at every lookup; a plan for these values, the one partition that it reads.
    "plan_cache_mode": "force_custom_plan",
}
SWAPPED = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError, asyncpg.DeadlockDetectedError)
"""A swap came in between. The same statement again reads what is there now."""
LOST = (
    asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError, asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError, OSError,
)  # fmt: skip
"""The connection is gone, or none can be had. `InternalClientError`: PostgreSQL has said that it ends, and the socket is open."""
TRIES, PAUSE = 6, 0.02
CONNECT, LOCK, STATEMENT, ANSWER = 0.3, 0.3, 0.5, 0.6
"""The parts of a request's time that a connection, a lock, a statement in the server, and its answer may take."""


class Unavailable(PublishingError):
    """The database cannot be asked now. The same request may succeed in a moment."""


class Slow(PublishingError):
    """The database did not answer in time."""


class Pool:
    """A few connections that are opened when they are needed. One that was lost is opened again."""

    def __init__(self, database_url: str, *, connections: int = 8, seconds: float = 10.0) -> None:
        self._url, self._most, self._seconds = database_url, connections, seconds
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Makes the pool. No connection is opened yet, so the database may be away."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._most,
            max_inactive_connection_lifetime=300,
            timeout=CONNECT * self._seconds,
            command_timeout=ANSWER * self._seconds,
            server_settings={
                **SESSION,
                "lock_timeout": f"{LOCK * self._seconds * 1000:.0f}ms",
                "statement_timeout": f"{STATEMENT * self._seconds * 1000:.0f}ms",
            },
            reset=_nothing,  # these sessions change nothing that would have to be reset, which would be another round trip
        )

    async def close(self, patience: float = 5.0) -> None:
        """Ends all connections, those that are in use after `patience` seconds."""
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), patience)
        except TimeoutError:
            self._pool.terminate()

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return self._pool.get_size() if self._pool else 0

    async def fetch(self, statement: Statement) -> Sequence[Mapping[str, object]]:
        """The rows of a statement.

        Raises:
            Unavailable: the database is away, after several tries.
            Slow: it did not answer in time.
            PublishingError: it refuses, as where the table is not there. The message has its words.
        """
        if self._pool is None:
            raise RuntimeError("the pool is not open")
        lost: Exception | None = None
        for attempt in range(TRIES):
            try:
                # A timer takes 6 microseconds, and nothing is waited for where a connection is idle.
                patience = None if self._pool.get_idle_size() else CONNECT * self._seconds
                async with self._pool.acquire(timeout=patience) as connection:
                    try:
                        rows: list[Any] = await connection.fetch(statement.text, *statement.parameters)
                        return rows
                    except asyncpg.InternalClientError:
                        connection.terminate()  # else the pool would hand it out again
                        raise
            except SWAPPED as error:
                lost = error
            except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, TimeoutError) as error:
                raise Slow("The predictions database did not answer in time.", next="ask again") from error
            except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InsufficientPrivilegeError):
                raise
            except (ssl.SSLError, *LOST) as error:
                lost = error
                await asyncio.sleep(PAUSE * 2**attempt)
        raise Unavailable(
            "The predictions database cannot be asked now.", looked=type(lost).__name__, next="ask again in a moment"
        ) from lost


async def _nothing(_: object) -> None:
    """Resets no connection."""
