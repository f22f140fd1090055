"""Rows, pages and batches over HTTP, against a real PostgreSQL."""

from datetime import UTC, datetime

import pytest

from landfall.publishing import publications, rollback
from landfall.spec import Partition

pytestmark = pytest.mark.stack
KEY_IS = "the key is city, state, time"
TOWN = "There is no key column of `predictions.bike_demand` `town`."


def test_a_row_comes_with_its_model_and_its_publication(conn, steps, serve):
    done = steps.land(conn, steps.predictions, steps.hours(steps.christmas, 100.0), version="9")
    answer = serve().get("/v1/bike_demand", **steps.key)
    assert answer.status_code == 200
    assert answer.json() == {
        "table": "bike_demand",
        "key": {"city": "Washington", "state": "D.C.", "time": "2012-12-25T12:00:00+00:00"},
        "values": {"predicted": 112.0},
        "model_version": "9",
        "partition": "2012-12-25",
        "publication": done.id,
        "published_at": done.published_at.isoformat(),
        "freshness": {"stale": False, "reason": ""},
    }
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "landfall-stale" not in answer.headers
    [record] = publications(conn, steps.predictions)
    assert answer.headers["etag"] == f'W/"{record.fingerprint_hash}"'


def test_a_time_may_be_written_as_iso_8601(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 100.0))
    answer = serve().get("/v1/bike_demand", **{**steps.key, "time": "2012-12-25T13:00+01:00"})
    assert answer.json()["values"] == {"predicted": 112.0}


def test_who_has_the_publication_already_gets_no_body_until_it_is_swapped(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 100.0))
    served = serve()
    tag = served.get("/v1/bike_demand", **steps.key).headers["etag"]
    again = served.http.get("/v1/bike_demand", params=steps.key, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 200.0), objects={"a.csv": "newer"})
    changed = served.http.get("/v1/bike_demand", params=steps.key, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["values"]) == (200, {"predicted": 212.0})


def test_a_batch_has_every_key_in_its_place(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 100.0))
    monday = Partition.parse("2012-12-24")
    steps.land(conn, steps.predictions, steps.hours(monday, 0.0), partition=monday)
    wanted = [
        {**steps.key, "time": "2012-12-25T01:00"},
        {**steps.key, "city": "Paris"},
        {**steps.key, "time": 1356307200000},
        {**steps.key, "time": "2013-01-01T00:00"},
    ]
    answer = serve().http.post("/v1/bike_demand:batch", json={"keys": wanted})
    assert answer.status_code == 200
    rows = answer.json()["rows"]
    assert [row.get("values", {}).get("predicted") for row in rows] == [101.0, None, 0.0, None]
    assert [row["found"] for row in rows] == [True, False, True, False]
    assert rows[3] == {
        "found": False,
        "key": {"city": "Washington", "state": "D.C.", "time": "2013-01-01T00:00:00+00:00"},
        "partition": "2013-01-01",
    }


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "The body is no batch."),
        ({"keys": []}, "A batch cannot have 0 keys."),
        ({"keys": [{}] * 1001}, "A batch cannot have 1001 keys."),
        ({"keys": ["x"]}, "A key is not an object."),
        ({"keys": [{"city": None}]}, "The key column `city` is null."),
        ({"keys": [{"city": True}]}, "The key column `city` is a boolean."),
        (
            {"keys": [{"city": "a", "state": "b"}]},
            "Key 0: The key of `predictions.bike_demand` is incomplete: `time` is missing.",
        ),
        ({"keys": [{}], "more": 1}, "The body is no batch."),
        ({"keys": [{}], "as_of": "7"}, "`as_of` is a text."),
    ],
)
def test_a_malformed_batch_is_refused(serve, body, detail):
    answer = serve().http.post("/v1/bike_demand:batch", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_refused(serve):
    served = serve()
    bad = served.http.post("/v1/bike_demand:batch", content=b"{", headers={"Content-Type": "application/json"})
    assert (bad.status_code, bad.json()["detail"]) == (400, "The body cannot be read as JSON.")
    form = served.http.post("/v1/bike_demand:batch", data={"a": "b"})
    assert (form.status_code, form.json()["looked"]) == (415, "expected Content-Type: application/json")


def test_pages_follow_each_other_and_have_every_row_once(conn, steps, serve):
    for day in ("2012-12-24", "2012-12-25"):
        partition = Partition.parse(day)
        steps.land(conn, steps.predictions, steps.hours(partition, 0.0), partition=partition)
    served = serve()
    bounds = {"city": "Washington", "state": "D.C.", "time_from": "2012-12-24T12:00", "time_to": "2012-12-25T12:00"}
    page = served.get("/v1/bike_demand", **bounds, limit=10).json()
    seen, pages = list(page["rows"]), 1
    while page["next"]:
        page, pages = served.http.get(page["next"]).json(), pages + 1
        seen += page["rows"]
    times = [row["key"]["time"] for row in seen]
    assert (pages, len(times), times) == (3, 24, sorted(set(times)))
    assert (times[0], times[-1]) == ("2012-12-24T12:00:00+00:00", "2012-12-25T11:00:00+00:00")


def test_an_empty_page_is_an_answer(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 0.0))
    answer = serve().get("/v1/bike_demand", city="Paris", state="D.C.", time_from="2012-12-25")
    assert (answer.status_code, answer.json()) == (200, {"table": "bike_demand", "rows": [], "next": None})


def test_an_earlier_publication_that_is_kept_can_be_read(conn, steps, serve):
    first = steps.land(conn, steps.predictions, steps.hours(steps.christmas, 100.0))
    second = steps.land(conn, steps.predictions, steps.hours(steps.christmas, 200.0), objects={"a.csv": "newer"})
    served = serve()

    def read(**more):
        return served.get("/v1/bike_demand", **steps.key, **more).json()

    assert (read()["publication"], read()["values"]) == (second.id, {"predicted": 212.0})
    assert (read(as_of=first.id)["publication"], read(as_of=first.id)["values"]) == (first.id, {"predicted": 112.0})
    assert read(as_of=second.id)["values"] == {"predicted": 212.0}
    batch = served.http.post("/v1/bike_demand:batch", json={"keys": [steps.key], "as_of": first.id}).json()
    assert batch["rows"][0]["values"] == {"predicted": 112.0}
    page = served.get("/v1/bike_demand", city="Washington", state="D.C.", limit=1, as_of=first.id).json()
    assert (page["rows"][0]["publication"], f"as_of={first.id}" in page["next"]) == (first.id, True)
    rollback(conn, steps.predictions, steps.christmas)
    assert read()["publication"] == first.id
    assert read(as_of=second.id)["values"] == {"predicted": 212.0}


def test_a_publication_that_is_not_kept_or_never_was_published_cannot_be_read(conn, steps, serve):
    for number in range(steps.predictions.keep + 2):
        last = steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0), objects={"a": str(number)})
    served = serve()
    for as_of in (last.id - steps.predictions.keep - 1, last.id + 1, 2**62):
        gone = served.get("/v1/bike_demand", **steps.key, as_of=as_of)
        assert (gone.status_code, gone.json()["detail"]) == (404, f"`bike_demand` keeps no publication {as_of}.")
    assert served.get("/v1/bike_demand", **steps.key, as_of="x").json()["detail"] == "`as_of` cannot be 'x'."


def test_errors_are_served_by_the_same_rules(conn, steps, serve):
    at = datetime(2012, 12, 25, 12, tzinfo=UTC)
    steps.land(conn, steps.errors, [("Washington", "D.C.", at, 10.0, 12.0, -2.0)])
    answer = serve().get("/v1/bike_demand/errors", **steps.key)
    assert answer.json()["values"] == {"predicted": 10.0, "actual": 12.0, "error": -2.0}


@pytest.mark.parametrize(
    ("parameters", "detail", "looked"),
    [
        ({}, "The key of `predictions.bike_demand` is incomplete: `city`, `state`, `time` is missing.", KEY_IS),
        ({"city": "a", "state": "b", "time": "noon"}, "The key column `time` cannot be 'noon'.", None),
        ({"city": "a", "state": "b", "time": "1", "town": "c"}, TOWN, KEY_IS),
        ({"city": "a", "state": "b", "time_from": "noon"}, "The key column `time` cannot be 'noon'.", None),
        ({"city": "a", "state": "b", "limit": "1001"}, "A page cannot have 1001 rows.", "expected 1 to 1000"),
        ({"city": "a", "state": "b", "limit": "-1"}, "`limit` cannot be '-1'.", "expected a whole number over 0"),
        ({"city": "a\0", "state": "b", "time": "1"}, "The key column `city` cannot be 'a\\x00'.", None),
    ],
)  # fmt: skip
def test_a_malformed_question_is_refused_with_what_was_expected(serve, parameters, detail, looked):
    answer = serve().get("/v1/bike_demand", **parameters)
    told = answer.json()
    assert (answer.status_code, told["status"], told["title"]) == (400, 400, "The request is malformed")
    assert told["detail"] == detail
    assert looked is None or told["looked"] == looked


def test_a_parameter_that_is_there_twice_is_refused(serve):
    answer = serve().http.get("/v1/bike_demand?city=a&city=b&state=c&time=1")
    assert (answer.status_code, answer.json()["detail"]) == (400, "A parameter is given twice.")
