"""Connections to databases of a test's own, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class Place:
    """As `Settings` names it."""

    database_url: str


@pytest.fixture
def place() -> type[Place]:
    """Makes settings that know a database alone."""
    return Place


@pytest.fixture
def open_database() -> Iterator[Callable[[str], Connection]]:
    """Opens connections in autocommit mode; all are closed at the end."""
    opened: list[Connection] = []

    def connect(url: str) -> Connection:
        opened.append(psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC"))
        return opened[-1]

    yield connect
    for conn in opened:
        conn.close()


@pytest.fixture
def connection(database_url: str, open_database: Callable[[str], Connection]) -> Callable[[], Connection]:
    """Opens connections to the database that the tests share."""
    return lambda: open_database(database_url)


@pytest.fixture
def conn(connection: Callable[[], Connection]) -> Connection:
    return connection()
