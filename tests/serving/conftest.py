"""What the tests of the service share: a database with published rows, keys, and the application in this process."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from starlette.testclient import TestClient

from landfall.database.rights import SERVING, let_serve
from landfall.pipelines.bike_demand import ERRORS, PREDICTIONS
from landfall.publishing import Fingerprint, Published, open_publication, publish
from landfall.publishing.schema import qualified
from landfall.serving import keys
from landfall.serving.app import make_app
from landfall.serving.settings import ServingSettings
from landfall.spec import Partition, PredictionTable

Connection = psycopg.Connection[tuple[Any, ...]]
CHRISTMAS = Partition.parse("2012-12-25")
KEY = {"city": "Washington", "state": "D.C.", "time": "1356436800000"}
"""Noon of 25 December 2012."""


@pytest.fixture(scope="session")
def serving_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """The URL of the tests' database for the role of the service. On a server of the tests' own it gets a made-up password."""
    parts: dict[str, Any] = conninfo_to_dict(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        if os.environ.get("LANDFALL_TEST_DATABASE_URL"):
            password = "the-serving"
            there = conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [SERVING]).fetchone()
            make = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                sql.SQL("ALTER" if there is not None else "CREATE"), sql.Identifier(SERVING), sql.Literal(password)
            )
            conn.execute(make)
        else:
            stack = request.getfixturevalue("stack")
            password = str(conninfo_to_dict(stack.env["LANDFALL_SERVING_URL"])["password"])
    return f"postgresql://{SERVING}:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def hours(
    partition: Partition, predicted: float, *, count: int = 24, city: str = "Washington"
) -> list[tuple[Any, ...]]:
    """A row for each hour of a day."""
    return [(city, "D.C.", partition.start + timedelta(hours=n), predicted + n) for n in range(count)]


def land(
    conn: Connection,
    table: PredictionTable,
    rows: Sequence[tuple[Any, ...]],
    *,
    partition: Partition = CHRISTMAS,
    version: str = "3",
    objects: dict[str, str] | None = None,
    run_id: str = "run",
) -> Published:
    """Publishes rows as a run does."""
    made_of = Fingerprint(
        objects=objects or {"a.csv": "etag"}, code_version="c0de", model_version=version, contract="1"
    )
    publication = open_publication(conn, table, partition, run_id=run_id, model_version=version, fingerprint=made_of)
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, %s)", [publication.id, len(rows)])
        names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(qualified(publication.staging), names)) as copy:
            for row in rows:
                copy.write_row(row)
    return publish(conn, publication, expected_rows=len(rows))


class Steps:
    """The steps above, for tests: pytest's importlib mode shares fixtures, not modules."""

    hours = staticmethod(hours)
    land = staticmethod(land)
    christmas = CHRISTMAS
    predictions = PREDICTIONS
    errors = ERRORS
    key = KEY


@pytest.fixture
def steps() -> type[Steps]:
    return Steps


@pytest.fixture
def conn(emptied: Connection, serving_url: str) -> Connection:
    """The tests' database, empty, with the rights of the service's role."""
    let_serve(emptied)
    return emptied


@dataclass
class Served:
    """The application, asked over ASGI in this process."""

    http: TestClient
    url: str

    def get(self, path: str, **parameters: object) -> Any:
        """The answer to GET."""
        return self.http.get(path, params={name: str(value) for name, value in parameters.items()})


@pytest.fixture
def serve(conn: Connection, serving_url: str) -> Iterator[Callable[..., Served]]:
    """Starts the application with these settings, and a key that reads everything unless `key` says otherwise."""
    opened: list[TestClient] = []

    def start(key: str | None = None, **settings: Any) -> Served:
        shown = keys.create(conn, f"test{len(opened)}", ["*"], per_second=100_000) if key is None else key
        app = make_app(ServingSettings(database_url=serving_url, seconds=120, **settings))
        client = TestClient(app, headers={"Authorization": f"Bearer {shown}"} if shown else {})
        client.__enter__()
        opened.append(client)
        return Served(client, serving_url)

    yield start
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
