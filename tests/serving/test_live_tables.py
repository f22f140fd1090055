"""Tables of a stream and of a deployed model over HTTP, against a real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest

from landfall.deployments import Registered, Request, TableName, deploy, undeploy
from landfall.deployments.request import Create
from landfall.pipelines.libsvm import LIBSVM_STREAM
from landfall.scoring import Model
from landfall.scoring.form import Linear, Value
from landfall.scoring.scalars import Checked, InputColumn
from landfall.serving import keys
from landfall.streams.tables import ensure_tables

pytestmark = pytest.mark.stack
PLACE = {"topic": "libsvm", "partition": 0, "offset": 7}
FLOWERS = TableName("public", "served_flowers")


@pytest.fixture
def streamed(conn: Any) -> Any:
    """A stream that has read eight messages of one partition."""
    ensure_tables(conn, LIBSVM_STREAM)
    conn.execute("INSERT INTO landfall.streams (name, state, heartbeat) VALUES ('libsvm_stream', 'running', now())")
    conn.execute("INSERT INTO landfall.stream_places VALUES ('libsvm_stream', 'libsvm', 0, 8, '2026-12-01T12:00:30Z')")
    conn.execute(
        "INSERT INTO streams.libsvm_predictions"
        ' (topic, partition, "offset", event_time, arrived_at, label, prediction, probability, model_version, correct, late)'
        " SELECT 'libsvm', 0, n, '2026-12-01T12:00Z', '2026-12-01T12:00Z', 1, 1, 0.9, '3', 1, false"
        " FROM generate_series(0, 7) n"
    )
    conn.execute(
        "INSERT INTO streams.libsvm_accuracy (window_start, window_end, label, rows, correct, model_versions, updated_at)"
        " SELECT s, s + interval '10 seconds', 1, 4, 3, '{3}', now()"
        " FROM generate_series(timestamptz '2026-12-01T12:00Z', '2026-12-01T12:00:30Z', '10 seconds') s"
    )
    yield conn
    conn.execute("DROP TABLE streams.libsvm_predictions, streams.libsvm_accuracy, streams.libsvm_late,"
                 " streams.libsvm_dead_letters")  # fmt: skip
    conn.execute("DELETE FROM landfall.stream_places; DELETE FROM landfall.streams")


@pytest.fixture
def flowers(conn: Any) -> Iterator[Any]:
    """A table with a deployed model that belongs to the role of the tests, who has granted nothing."""
    form = Model(
        features=(Checked(input=InputColumn(name="x")),),
        scorer=Linear(coefficients=((1.0,),), intercepts=(0.0,)),
        decision=Value(),
    )
    request = Request(table=FLOWERS, model="m", create=Create(primary_key={"id": "uuid"}))
    deploy(conn, request, Registered(model="m", version="1", form=form))
    conn.execute("INSERT INTO public.served_flowers (id, x) VALUES ('8c5b5e0a-5a1d-4f3c-9d4e-2f1b0c7a6e11', 2.5)")
    yield conn
    undeploy(conn, FLOWERS)
    conn.execute("DROP TABLE public.served_flowers")


def test_a_prediction_of_a_stream_is_read_by_its_place(streamed, serve):
    served = serve()
    answer = served.get("/v1/streams/libsvm_predictions", **PLACE)
    assert (answer.status_code, answer.json()["values"]["prediction"], answer.json()["model_version"]) == (
        200,
        1.0,
        "3",
    )
    tag = answer.headers["etag"]
    assert served.http.get(
        "/v1/streams/libsvm_predictions", params=PLACE, headers={"If-None-Match": tag}
    ).status_code == 304  # fmt: skip
    streamed.execute('UPDATE streams.libsvm_predictions SET prediction = 0 WHERE "offset" = 7')
    assert served.get("/v1/streams/libsvm_predictions", **PLACE).headers["etag"] != tag


def test_a_message_that_is_not_there_yet_is_waited_for(streamed, serve):
    told = serve().get("/v1/streams/libsvm_predictions", **{**PLACE, "offset": 8}).json()
    assert told["state"] == "waiting"
    assert told["why"] == "the stream is at offset 8 of this partition; it is running"
    assert told["nearest"] == ["offset=6", "offset=7"]


def test_windows_come_in_pages_and_the_newest_are_open(streamed, serve):
    served = serve()
    page = served.get("/v1/streams/libsvm_accuracy", label=1, limit=3)
    rows = page.json()["rows"] + served.http.get(page.json()["next"]).json()["rows"]
    assert [row["values"]["accuracy"] for row in rows] == [0.75] * 4
    assert [row["freshness"]["reason"] for row in rows] == ["", "", "window open", "window open"]


def test_a_batch_of_places_keeps_their_order(streamed, serve):
    wanted = [{**PLACE, "offset": offset} for offset in (3, 99, 0)]
    rows = serve().http.post("/v1/streams/libsvm_predictions:batch", json={"keys": wanted}).json()["rows"]
    assert [row["found"] for row in rows] == [True, False, True]
    assert [row["key"]["offset"] for row in rows] == [3, 99, 0]


def test_dead_letters_are_not_served_and_as_of_is_refused(streamed, serve):
    served = serve()
    assert served.get("/v1/streams/libsvm_dead_letters", **PLACE).status_code == 404
    refused = served.get("/v1/streams/libsvm_predictions", **PLACE, as_of=1)
    assert (refused.status_code, "has no publications" in refused.json()["detail"]) == (400, True)


def test_a_stream_that_never_started_says_how_it_starts(conn, serve):
    told = serve().get("/v1/streams/libsvm_predictions", **PLACE)
    assert (told.status_code, told.json()["next"]) == (404, "landfall stream start libsvm_stream")


def test_a_deployed_table_is_served_when_its_owner_grants_it_and_no_longer_when_it_is_taken_back(flowers, serve):
    served, key = serve(), {"id": "8c5b5e0a-5a1d-4f3c-9d4e-2f1b0c7a6e11"}
    path = f"/v1/deployed/{FLOWERS}"
    closed = served.get(path, **key)
    assert (closed.status_code, "GRANT SELECT" in closed.json()["next"]) == (404, True)
    flowers.execute("GRANT SELECT ON public.served_flowers TO landfall_serving")
    told = wait_until_served(served, path, key)
    assert (told["values"]["prediction"], told["model_version"], told["freshness"]["stale"]) == (2.5, "1", False)
    flowers.execute("REVOKE SELECT ON public.served_flowers FROM landfall_serving")
    assert served.get(path, **key).status_code == 404


def test_a_key_reads_only_the_deployed_tables_of_its_scope(flowers, serve):
    flowers.execute("GRANT SELECT ON public.served_flowers TO landfall_serving")
    shown = keys.create(flowers, "narrow", ["bike_demand"])
    refused = serve(shown).get(f"/v1/deployed/{FLOWERS}", id="8c5b5e0a-5a1d-4f3c-9d4e-2f1b0c7a6e11")
    assert refused.status_code == 403


def wait_until_served(served: Any, path: str, key: dict[str, str]) -> Any:
    import time

    for _ in range(10):
        answer = served.get(path, **key)
        if answer.status_code == 200:
            return answer.json()
        time.sleep(1.1)
    raise AssertionError(answer.text)
