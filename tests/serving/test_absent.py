"""What a caller is told of a key without a row, and of rows that are stale, in the words of the ledger."""

import json
from datetime import UTC, datetime

import pytest
from psycopg import sql

from landfall.errors import PublishingError
from landfall.ledger import excuse_reading, open_reading, refuse_reading
from landfall.ledger.facts import Refused
from landfall.ledger.standing import judged
from landfall.pipelines.bike_demand import FORECAST
from landfall.serving import standings
from landfall.serving.settings import ServingSettings
from landfall.spec import Partition

pytestmark = pytest.mark.stack


def object_landed(conn, partition, etag="etag"):
    key = f"bike_sharing/forecast/dt={partition}/hours.csv"
    conn.execute(
        "INSERT INTO landfall.landed_objects (bucket, key, etag, last_modified, size, feed, partition)"
        " VALUES ('landfall', %s, %s, now(), 1, %s, %s)",
        [key, etag, FORECAST.full_name, str(partition)],
    )
    return {key: etag}


def read_by_a_run(conn, partition, objects):
    number = open_reading(conn, FORECAST.full_name, partition, "run")
    conn.execute("UPDATE landfall.readings SET objects = %s::jsonb WHERE id = %s", [json.dumps(objects), number])
    return number


def told(serve, key):
    answer = serve().get("/v1/bike_demand", **key)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {name: answer.json()[name] for name in ("state", "why", "partition", "nearest")}


def test_a_partition_that_has_not_landed_is_late_and_the_nearest_are_named(conn, steps, serve):
    for day in ("2012-12-23", "2012-12-26", "2012-12-30", "2012-12-31"):
        partition = Partition.parse(day)
        steps.land(conn, steps.predictions, steps.hours(partition, 1.0), partition=partition)
    assert told(serve, steps.key) == {
        "state": "late",
        "why": "no object yet; it was due 2012-12-25 00:00 UTC",
        "partition": "2012-12-25",
        "nearest": ["2012-12-26", "2012-12-23", "2012-12-30"],
    }


def test_a_partition_of_tomorrow_is_waited_for(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    answer = told(serve, {**steps.key, "time": "2190-12-25T12:00"})
    assert (answer["state"], answer["why"]) == ("waiting", "no object yet")


def test_a_partition_that_landed_is_not_published_yet(conn, steps, serve):
    object_landed(conn, steps.christmas)
    assert told(serve, steps.key)["state"] == "landed"


def test_a_partition_whose_input_was_refused_has_failed_and_why_is_not_told(conn, steps, serve):
    read_by_a_run(conn, steps.christmas, object_landed(conn, steps.christmas))
    refused = Refused(why="3 of 24 rows break the contract", code="c", contract="k")
    refuse_reading(conn, FORECAST.full_name, steps.christmas, "run", refused)
    answer = told(serve, steps.key)
    assert (answer["state"], "contract" in answer["why"]) == ("failed", False)


def test_a_partition_of_which_nothing_was_to_be_published_was_skipped(conn, steps, serve):
    number = read_by_a_run(conn, steps.christmas, object_landed(conn, steps.christmas))
    excuse_reading(conn, number, "nothing had been predicted")
    assert told(serve, steps.key) | {"nearest": []} == {
        "state": "skipped",
        "why": "nothing had been predicted",
        "partition": "2012-12-25",
        "nearest": [],
    }


def test_a_published_partition_without_this_key_says_so(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    assert told(serve, {**steps.key, "city": "Paris"}) == {
        "state": "published",
        "why": "the partition is published, without a row of this key",
        "partition": "2012-12-25",
        "nearest": ["2012-12-25"],
    }


@pytest.mark.parametrize("time", ["0001-01-01T00:00", "9999-12-31T23:00"])
def test_a_time_that_no_partition_can_have_is_no_row(conn, steps, serve, time):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    answer = serve().get("/v1/bike_demand", **{**steps.key, "time": time})
    assert (answer.status_code, answer.json()["state"]) == (404, "unknown")


def test_a_table_that_was_never_published_says_what_makes_it(conn, steps, serve):
    answer = serve().get("/v1/bike_demand", **steps.key)
    assert (answer.status_code, answer.json()["state"], answer.json()["nearest"]) == (404, "late", [])
    batch = serve().http.post("/v1/bike_demand:batch", json={"keys": [steps.key]})
    assert (batch.status_code, batch.json()["detail"]) == (
        404,
        "There is no prediction table `predictions.bike_demand` yet.",
    )


def test_rows_of_a_replaced_object_are_stale_in_a_header_and_in_a_field(conn, steps, serve):
    landed = object_landed(conn, steps.christmas)
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0), objects=landed)
    conn.execute("UPDATE landfall.landed_objects SET gone_at = now()")
    object_landed(conn, steps.christmas, "another")
    served = serve()
    answer = served.get("/v1/bike_demand", **steps.key)
    assert answer.json()["freshness"] == {"stale": True, "reason": "input changed"}
    assert answer.headers["landfall-stale"] == "input changed"
    ready = served.get("/readyz").json()
    assert ready["stale"] == [{"table": "bike_demand", "partition": "2012-12-25", "reason": "input changed"}]
    [listed] = [one for one in served.get("/v1/tables").json()["tables"] if one["name"] == "bike_demand"]
    assert (listed["stale"], listed["newest"]["rows"]) == (["2012-12-25"], 24)


def test_it_is_the_judgement_of_explain():
    """`landfall explain` and the service call one function; the service on what the ledger has."""
    assert vars(standings)["judged"] is judged
    away = ServingSettings(database_url="postgresql://a:PASSWORD@127.0.0.1:1/b")
    with pytest.raises(PublishingError, match="cannot be used"):
        standings.Standings(away).model("bike_demand", 1)


def test_which_version_served_when(conn, serve):
    promote = sql.SQL(
        "INSERT INTO landfall.promotions (model, version, replaced, at, kind, reason, by_run)"
        " VALUES ('bike_demand', %s, %s, %s, 'promoted', 'better', 'run')"
    )
    conn.execute(promote, ["1", None, datetime(2012, 1, 1, tzinfo=UTC)])
    conn.execute(promote, ["2", "1", datetime(2012, 7, 1, tzinfo=UTC)])
    served = serve()
    present = served.get("/v1/models/bike_demand").json()
    assert (present["version"], [change["version"] for change in present["changes"]]) == ("2", ["2", "1"])
    then = served.get("/v1/models/bike_demand/served", at="2012-06-30").json()
    assert (then["version"], then["since"]) == ("1", "2012-01-01T00:00:00+00:00")
    never = served.get("/v1/models/bike_demand/served", at="2011-01-01")
    assert (never.status_code, never.json()["detail"]) == (
        404,
        "No version of `bike_demand` served at 2011-01-01T00:00:00+00:00.",
    )
    assert served.get("/v1/models/bike_demand/served").json()["detail"] == "`at` is missing."
