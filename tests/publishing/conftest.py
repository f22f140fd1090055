"""A database of its own for this folder, on a real PostgreSQL, and rows staged as Spark tasks stage them."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from landfall.publishing import Fingerprint, Publication, Published, open_publication, publish
from landfall.publishing.schema import qualified
from landfall.spec import Partition, PredictionTable

Rows = list[tuple[str, datetime, float]]
Connection = psycopg.Connection[tuple[object, ...]]
CHRISTMAS = Partition.parse("2012-12-25")
_numbers = itertools.count(1)


@pytest.fixture
def connection(database_url: str) -> Iterator[Callable[[], Connection]]:
    """Opens connections as `landfall.database.connect` does; all are closed at the end."""
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(psycopg.connect(database_url, autocommit=True, options="-c TimeZone=UTC"))
        return opened[-1]

    yield connect
    for conn in opened:
        conn.close()


@pytest.fixture
def conn(connection: Callable[[], Connection]) -> Connection:
    return connection()


@pytest.fixture
def table() -> PredictionTable:
    """A prediction table that no other test has."""
    return PredictionTable(
        name=f"predictions.hours_{next(_numbers)}",
        columns={"city": "text", "time": "timestamptz", "predicted": "double precision"},
        key=("city", "time"),
        keep=2,
    )


def hours(predicted: float, *, count: int = 24, partition: Partition = CHRISTMAS) -> Rows:
    """`count` rows a minute apart from the partition's start, all with the same prediction."""
    return [("Washington", partition.start + timedelta(minutes=n), predicted) for n in range(count)]


def begin(
    conn: Connection,
    table: PredictionTable,
    *,
    run_id: str = "run",
    version: str = "7",
    partition: Partition = CHRISTMAS,
) -> Publication:
    """An open publication with a plausible fingerprint."""
    fingerprint = Fingerprint(objects={"a.csv": "etag"}, code_version="c0de", model_version=version, contract="1")
    return open_publication(conn, table, partition, run_id=run_id, model_version=version, fingerprint=fingerprint)


def stage(conn: Connection, publication: Publication, rows: Rows, *, part: int = 0, noted: int | None = None) -> None:
    """What one Spark task does: its line and its rows in one transaction."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(
            "INSERT INTO landfall.staged_parts (publication_id, spark_partition, rows) VALUES (%s, %s, %s)",
            [publication.id, part, len(rows) if noted is None else noted],
        )
        copy = sql.SQL("COPY {} (city, time, predicted) FROM STDIN").format(qualified(publication.staging))
        with cursor.copy(copy) as stream:
            for row in rows:
                stream.write_row(row)


def land(conn: Connection, table: PredictionTable, rows: Rows, **options: object) -> Published:
    """Opens, stages and publishes `rows`."""
    publication = begin(conn, table, **options)  # type: ignore[arg-type]
    stage(conn, publication, rows)
    return publish(conn, publication, expected_rows=len(rows))


def seen(conn: Connection, table: PredictionTable, columns: str = "*") -> list[tuple[object, ...]]:
    """What readers see of the table, in the order of its key."""
    query = sql.SQL("SELECT {} FROM {} ORDER BY city, time").format(sql.SQL(columns), qualified(table.name))
    return list(conn.execute(query))


class Steps:
    """The steps above, for tests: pytest's importlib mode shares fixtures, not modules."""

    hours = staticmethod(hours)
    begin = staticmethod(begin)
    stage = staticmethod(stage)
    land = staticmethod(land)
    seen = staticmethod(seen)
    christmas = CHRISTMAS


@pytest.fixture
def steps() -> type[Steps]:
    return Steps
