"""The tables of freshness, and the view of how fresh each table is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from landfall.freshness import ensure_freshness
from landfall.ledger import ensure_ledger

pytestmark = pytest.mark.stack


@pytest.fixture
def empty(settings):
    """Opens connections to a database without any of our tables."""
    name = "freshness_empty"
    with psycopg.connect(settings.database_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = settings.database_url.rpartition("/")[0] + f"/{name}"
        opened = []

        def connect():
            opened.append(psycopg.connect(url, autocommit=True))
            return opened[-1]

        yield connect
        for each in opened:
            each.close()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def there(conn, name):
    return conn.execute("SELECT to_regclass(%s) IS NOT NULL", [f"landfall.{name}"]).fetchone() == (True,)


def test_the_tables_need_no_ledger_and_the_view_follows_it(empty):
    conn = empty()
    ensure_freshness(conn)
    assert [there(conn, name) for name in ("promotions", "drift", "partition_errors", "freshness")] == [True] * 3 + [
        False
    ]
    ensure_ledger(conn)
    ensure_freshness(conn)
    assert there(conn, "freshness")


def test_of_several_at_once_one_makes_and_the_others_find(empty):
    start, connections = threading.Barrier(6), [empty() for _ in range(6)]

    def make(conn):
        start.wait()
        ensure_freshness(conn)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make, connections))
    assert there(connections[0], "promotions")


def test_the_view_tells_the_newest_partition_and_how_long_after_landing_readers_first_saw_it(conn, hours, models):
    made = hours(models.new("2012-01-31"))
    landed = datetime.now(UTC) - timedelta(hours=2)
    for day in ("2012-02-01", "2012-02-02"):
        conn.execute(
            "INSERT INTO landfall.landed_objects (bucket, key, etag, last_modified, size, feed, partition)"
            " VALUES ('b', %s, 'e', %s, 1, 'p/f', %s) ON CONFLICT DO NOTHING",
            [f"{day}.csv", landed, day],
        )
    made.publish("2012-02-01", "1", 10.0)
    first = made.publish("2012-02-02", "1", 10.0)
    second = made.publish("2012-02-02", "2", 11.0)
    query = (
        "SELECT feed, partition::text, publication, rows, model_version, published_at, landing_delay"
        " FROM landfall.freshness WHERE table_name = %s"
    )
    ((feed, partition, publication, rows, version, at, delay),) = conn.execute(
        query, [made.pipeline.predictions.name]
    ).fetchall()
    assert (feed, partition, publication, rows, version) == ("p/f", "2012-02-02", second.id, 1, "2")
    assert at == second.published_at
    assert delay == first.published_at - landed
