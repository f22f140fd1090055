"""The view of how fresh each table is."""

from datetime import UTC, datetime, timedelta

import pytest

pytestmark = pytest.mark.stack


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
        query, [made.pipeline.table.name]
    ).fetchall()
    assert (feed, partition, publication, rows, version) == ("p/f", "2012-02-02", second.id, 1, "2")
    assert at == second.published_at
    assert delay == first.published_at - landed
