"""What the tests of the ledger share: a feed of their own, a store in memory, a connection."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import IO, Any

import psycopg
import pytest
from psycopg import sql

from landfall.ledger import Current
from landfall.pipelines.bike_demand import FORECAST
from landfall.publishing import Fingerprint, open_publication, publish
from landfall.spec import Feed, Landing, Partition, PredictionTable, Readiness

Connection = psycopg.Connection[tuple[Any, ...]]
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CURRENT = Current(code="c1", contract="k1", model=None, now=NOW)


class MemoryStore:
    """The part of an S3 client that listings use, over a dictionary: key -> (ETag, last modified)."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, datetime]] = {}
        self.clock = 0
        self.meta = SimpleNamespace(endpoint_url="memory")

    def put(self, key: str, etag: str) -> None:
        """An object, written a second after the one before."""
        self.clock += 1
        self.objects[key] = (etag, datetime.fromtimestamp(1_772_000_000 + self.clock, UTC))

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, ContinuationToken: str = "", MaxKeys: int = 1000
    ) -> Mapping[str, Any]:
        """One page, as ListObjectsV2 gives it."""
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > ContinuationToken)
        page = [
            {"Key": key, "ETag": f'"{self.objects[key][0]}"', "Size": 1, "LastModified": self.objects[key][1]}
            for key in keys[:MaxKeys]
        ]
        more = len(keys) > MaxKeys
        return {"Contents": page, "IsTruncated": more, "NextContinuationToken": keys[MaxKeys - 1] if more else ""}

    def put_object(self, *, Bucket: str, Key: str, Body: IO[bytes], ContentType: str) -> Mapping[str, Any]:
        raise NotImplementedError


def make_feed(ready: Readiness | None = None) -> Feed:
    """A feed whose prefix and table no other test has."""
    name = f"t{uuid.uuid4().hex[:8]}"
    table = PredictionTable(
        name=f"predictions.{name}",
        columns={"time": "timestamptz", "predicted": "double precision"},
        key=("time",),
        keep=1,
    )
    landing = Landing(prefix=f"{name}/hours")
    landing = replace(landing, ready=ready) if ready else landing
    return replace(FORECAST, pipeline="p", name=name, dag_id=name, landing=landing, table=table)


def publish_row(conn: Connection, table: PredictionTable, day: Partition) -> None:
    """Readers see one prediction of `day`."""
    made_from = Fingerprint(objects={"k": "e"}, code_version="c1", model_version="1", contract="k1")
    publication = open_publication(conn, table, day, run_id="r", model_version="1", fingerprint=made_from)
    conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
    insert = sql.SQL("INSERT INTO {} (time, predicted) VALUES (%s, 1)")
    conn.execute(insert.format(sql.Identifier(*publication.staging.split("."))), [day.start])
    publish(conn, publication, expected_rows=1)


@pytest.fixture
def predict() -> Callable[[Connection, PredictionTable, Partition], None]:
    """Publishes a prediction."""
    return publish_row


@pytest.fixture
def new_feed() -> Callable[..., Feed]:
    """Makes feeds."""
    return make_feed


@pytest.fixture
def feed() -> Feed:
    return make_feed()


@pytest.fixture
def new_store() -> type[MemoryStore]:
    """Makes stores."""
    return MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def current() -> Current:
    """The code, the contract and the moment of these tests."""
    return CURRENT


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    """A connection to the database of the tests."""
    with psycopg.connect(database_url, autocommit=True, options="-c TimeZone=UTC") as connection:
        yield connection
