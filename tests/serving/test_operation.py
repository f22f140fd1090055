"""What those who run the service see: health, measures, the access log, limits, traces. And the page of the documents."""

import json
import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from landfall.errors import SettingsError
from landfall.serving.front import LARGEST_BODY
from landfall.serving.settings import ServingSettings
from landfall.serving.tracing import tracing

pytestmark = pytest.mark.stack


def test_the_access_log_has_no_value_of_a_key(conn, steps, serve, caplog):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    served = serve()
    with caplog.at_level(logging.INFO, logger="landfall.serving.access"):
        served.get("/v1/bike_demand", **steps.key)
        served.http.post("/v1/bike_demand:batch", json={"keys": [steps.key]})
        served.get("/v1/bike_demand", **{**steps.key, "time": "noon"})
        served.get("/v1/nowhere/Washington")
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name.endswith("access")]
    assert [(line["route"], line["status"], line["rows"], line["caller"]) for line in lines] == [
        ("/v1/bike_demand", 200, 1, "key test0"),
        ("/v1/bike_demand:batch", 200, 1, "key test0"),
        ("/v1/bike_demand", 400, 0, "key test0"),
        ("none", 404, 0, "key test0"),
    ]
    assert not re.search(r"Washington|1356436800000|noon", json.dumps(lines))


def test_measures_tell_latency_hits_misses_and_freshness(conn, steps, serve):
    steps.land(conn, steps.predictions, steps.hours(steps.christmas, 1.0))
    served = serve()
    served.get("/v1/bike_demand", **steps.key)
    served.get("/v1/bike_demand", **{**steps.key, "city": "Paris"})
    text = served.get("/metrics").text
    for line in (
        'landfall_request_seconds_count{route="/v1/bike_demand",status="200"} 1.0',
        'landfall_keys_total{outcome="hit",table="bike_demand"} 1.0',
        'landfall_keys_total{outcome="miss",table="bike_demand"} 1.0',
        'landfall_rows_of_newest_partition{table="bike_demand"} 24.0',
        'landfall_stale_partitions{table="bike_demand"} 0.0',
    ):
        assert line in text
    assert re.search(r'landfall_published_age_seconds\{table="bike_demand"\} \d', text)


def test_it_is_alive_but_not_ready_while_the_database_is_away(serving_url):
    from starlette.testclient import TestClient

    from landfall.serving.app import make_app

    away = ServingSettings(database_url="postgresql://a:PASSWORD@127.0.0.1:1/b", public=True)
    with TestClient(make_app(away)) as http:
        assert http.get("/healthz").json() == {"status": "alive"}
        ready = http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert "PASSWORD" not in ready.text
        looked_up = http.get("/v1/bike_demand", params={"city": "a", "state": "b", "time": 1})
        assert (looked_up.status_code, looked_up.headers["retry-after"]) == (503, "1")
        assert looked_up.json()["detail"] == "The predictions database cannot be asked now."


def test_what_is_too_large_is_refused(serve):
    served = serve()
    long = served.get("/v1/bike_demand", city="x" * 5000)
    assert (long.status_code, long.json()["title"]) == (414, "The address is too long")
    large = served.http.post("/v1/bike_demand:batch", content=b"x" * (LARGEST_BODY + 1))
    assert large.status_code == 413

    def chunks():
        for _ in range(LARGEST_BODY // 1000 + 2):
            yield b"x" * 1000

    unsaid = served.http.post("/v1/bike_demand:batch", content=chunks(), headers={"Content-Type": "application/json"})
    assert unsaid.status_code == 413


def test_beyond_the_requests_that_may_be_under_way_it_says_so_and_goes_on(serve, monkeypatch):
    served = serve()
    monkeypatch.setattr("landfall.serving.front.MOST_UNDER_WAY", 0)
    answer = served.get("/v1/tables")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["detail"]) == (
        503, "1", "Too many requests are under way.",
    )  # fmt: skip
    assert served.get("/healthz").status_code == 200
    monkeypatch.undo()
    assert served.get("/v1/tables").status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/v1/bike_demand", 405), ("GET", "/v1/x", 404)])
def test_a_path_or_method_that_is_not_there_is_a_problem_too(serve, method, path, status):
    answer = serve().http.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_an_error_of_ours_tells_a_caller_nothing_of_the_inside(serve, monkeypatch, caplog):
    from landfall.serving.handlers import Handlers

    async def broken(*_):
        raise ValueError("postgresql://me:PASSWORD@inside")

    monkeypatch.setattr(Handlers, "tables", broken)
    answer = serve().get("/v1/tables")
    assert (answer.status_code, answer.json()["detail"]) == (500, "The service failed; its log says why.")
    assert "ValueError" in caplog.text


def test_the_documents_ask_no_other_host(serve):
    page = serve().get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|<script|@import|url\(""", page.text)
    assert "POST</b> /v1/bike_demand:batch" in page.text


def test_a_trace_is_sent_where_the_environment_says(conn, serve, monkeypatch):
    came: list[str] = []
    arrived = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])).decode(errors="replace"))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *words: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        served = serve()
        served.get("/v1/bike_demand", city="Paris", state="x", time=1)
        served.http.__exit__(None, None, None)  # sends what is left
        served.http.__enter__()
        assert arrived.wait(30)
        server.shutdown()
    told = "".join(came)
    assert "landfall-serving" in told
    assert "/v1/bike_demand" in told
    assert "Paris" not in told


def test_without_a_collector_nothing_is_traced():
    with tracing({}).request("GET", {}) as span:
        assert span.trace_id == ""


def test_a_missing_setting_says_which():
    with pytest.raises(SettingsError) as caught:
        ServingSettings.read({})
    assert str(caught.value) == (
        "The setting `LANDFALL_SERVING_URL` is missing.\n"
        "  looked: the environment, and the embedded stack's own file (.landfall/env)\n"
        "  next: landfall up    (or set LANDFALL_SERVING_URL to the predictions database, as the role landfall_serving)"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANDFALL_SERVING_PER_SECOND", "many"), ("LANDFALL_SERVING_CONNECTIONS", "1.5"), ("LANDFALL_SERVING_CONNECTIONS", "0"),
        ("LANDFALL_OIDC_ISSUER", "https://issuer"), ("LANDFALL_OIDC_ISSUER", "http://issuer"), ("LANDFALL_OIDC_AUDIENCE", "x"),
    ],
)  # fmt: skip
def test_a_malformed_setting_says_which(name, value):
    with pytest.raises(SettingsError, match=name):
        ServingSettings.read({"LANDFALL_SERVING_URL": "postgresql://x", name: value})
