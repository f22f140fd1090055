"""The Lambda handler, called with the documented events of S3, against an Airflow and a Databricks played on a local port."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from landfall.errors import RunError, SettingsError, SpecError
from landfall.landing import aws_lambda
from landfall.landing.aws_lambda import handler
from landfall.pipelines import PIPELINES
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.spec import AllNamed, AtLeast, Landing, Marker, Readiness, Settled

PASSWORD, TOKEN = "pa55-of-airflow", "dapi-0123"
FOLDER = "bike_sharing/forecast/dt=2012-12-25/"
KEY = f"{FOLDER}hours.csv"
DAY = "2012-12-25T00:00:00+00:00"
RUNS = "/api/v2/dags/bike_forecast/dagRuns"
NOTE = "Started by an object that landed in S3."

SIGN_IN = ("POST", "/auth/token", {"username": "lambda", "password": PASSWORD})
LOOK = (
    "GET",
    f"{RUNS}?logical_date_gte=2012-12-25T00%3A00%3A00%2B00%3A00&logical_date_lte=2012-12-25T00%3A00%3A00%2B00%3A00&limit=1",
    None,
)
TRIGGER = ("POST", RUNS, {"logical_date": DAY, "run_after": DAY, "conf": {}, "note": NOTE})
CLEAR = {"dry_run": False, "only_failed": False}


class Servers(ThreadingHTTPServer):
    """Airflow and Databricks, as far as the handler talks to them. Remembers every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.asked: list[tuple[str, str, Any]] = []
        self.runs: dict[tuple[str, str], dict[str, str]] = {}
        self.unlisted: dict[tuple[str, str], dict[str, str]] = {}
        """Runs that another event makes right after we looked."""
        self.jobs: dict[str, int] = {}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """What `METHOD path` answers instead: status, headers, body."""
        self.together: threading.Barrier | None = None
        """Where the first who look for runs wait for one another."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add_run(self, state: str, run_id: str = "scheduled__2012-12-25") -> None:
        self.runs["bike_forecast", DAY] = {"dag_run_id": run_id, "state": state}


class Conversation(BaseHTTPRequestHandler):
    server: Servers

    def log_message(self, format: str, *args: object) -> None: ...

    def do_GET(self) -> None:
        self.talk(None)

    def do_POST(self) -> None:
        self.talk(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def talk(self, body: Any) -> None:
        with self.server.lock:
            self.server.asked.append((self.command, self.path, body))
        path = urlsplit(self.path).path
        status, headers, said = self.server.answers.get(f"{self.command} {path}") or (*self.answer(path, body), b"")
        content = said or json.dumps(headers).encode()
        self.send_response(status)
        for name, value in headers.items() if said else ():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        if path == "/auth/token":
            good = body["password"] == PASSWORD
            return (201, {"access_token": "jwt"}) if good else (401, {"detail": f"not {body}"})
        if path == "/api/2.2/jobs/run-now" and self.headers["Authorization"] == f"Bearer {TOKEN}":
            number = self.server.jobs.setdefault(body["idempotency_token"], 900 + len(self.server.jobs))
            return 200, {"run_id": number, "number_in_job": number}
        if self.headers["Authorization"] != "Bearer jwt":
            return 401, {"detail": f"{self.headers['Authorization']} is not known"}
        return self.dag_runs(path.split("/")[4:], body)

    def meet(self) -> None:
        together = self.server.together
        if together and together.wait(10) == 0:
            self.server.together = None

    def dag_runs(self, path: list[str], body: Any) -> tuple[int, Any]:
        dag_id, moment = path[0], parse_qs(urlsplit(self.path).query).get("logical_date_gte", [""])[0]
        if self.command == "GET":
            found = self.server.runs.get((dag_id, moment))
            self.meet()
            return 200, {"dag_runs": [found] if found else [], "total_entries": 1 if found else 0}
        if path[-1] == "clear":
            run = next(run for run in self.server.runs.values() if run["dag_run_id"] == unquote(path[2]))
            return 200, {**run, "state": "queued"}
        with self.server.lock:
            asked = (dag_id, body["logical_date"])
            self.server.runs.update(self.server.unlisted)
            if asked in self.server.runs:
                return 409, {"detail": {"reason": "Unique constraint violation"}}
            self.server.runs[asked] = {"dag_run_id": f"manual__{len(self.server.runs)}", "state": "queued"}
            return 200, self.server.runs[asked]


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """The servers, and the environment of a function that is configured for Airflow."""
    for name in ("LANDFALL_START", "LANDFALL_S3_BUCKET", "LANDFALL_DATABRICKS_JOB_ID", "LANDFALL_DATABRICKS_JOB_IDS"):
        monkeypatch.delenv(name, raising=False)
    with Servers() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("LANDFALL_AIRFLOW_URL", server.url)
        monkeypatch.setenv("LANDFALL_AIRFLOW_USER", "lambda")
        monkeypatch.setenv("LANDFALL_AIRFLOW_PASSWORD", PASSWORD)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def databricks(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Servers:
    """The servers, and the environment of a function that is configured for Databricks."""
    monkeypatch.setenv("LANDFALL_START", "databricks")
    monkeypatch.setenv("DATABRICKS_HOST", servers.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    monkeypatch.setenv("LANDFALL_DATABRICKS_JOB_ID", "17")
    return servers


def declare(monkeypatch: pytest.MonkeyPatch, landing: Landing) -> None:
    """Let the forecast be the only feed, landing like this."""
    feed = replace(FORECAST)
    object.__setattr__(feed, "landing", landing)  # past its own check: tables of hours do not exist yet, landings do
    pipeline = replace(BIKE_DEMAND, feeds=(feed,))
    monkeypatch.setattr(aws_lambda, "PIPELINES", {"bike_demand": pipeline})


def record(
    key: str, *, bucket: str = "landfall", name: str = "ObjectCreated:Put", sequencer: str = "0A1B"
) -> dict[str, Any]:
    """A record as S3 sends it: its key is given here as S3 encodes it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2012-12-24T18:00:00.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDA"},
        "requestParameters": {"sourceIPAddress": "192.0.2.3"},
        "responseElements": {"x-amz-request-id": "C3D1", "x-amz-id-2": "FMyU"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "landfall",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A3NL"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": 1537, "eTag": "86fda138", "sequencer": sequencer},
        },
    }


def notification(*keys: str, **more: str) -> dict[str, Any]:
    return {"Records": [record(key, **more) for key in keys]}


def eventbridge(key: str, *, bucket: str = "landfall", kind: str = "Object Created") -> dict[str, Any]:
    """An event as EventBridge sends it: its key is not encoded."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2012-12-24T18:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 1537, "etag": "86fda138", "sequencer": "0a1b"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "111122223333",
            "source-ip-address": "192.0.2.3",
            "reason": "PutObject",
        },
    }


def sqs(*events: object) -> dict[str, Any]:
    """What a queue gives a function: one message for each event."""
    return {"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(event)} for event in events]}


def sns(event: object) -> dict[str, Any]:
    """What a topic puts around an event that it passes on to a queue."""
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:::t", "Subject": "Amazon S3", "Message": json.dumps(event)}


ENCODED = KEY.replace("=", "%3D")
FORMS: dict[str, object] = {
    "S3": notification(ENCODED),
    "S3, as other stores write it": notification(ENCODED, name="s3:ObjectCreated:CompleteMultipartUpload"),
    "EventBridge": eventbridge(KEY),
    "SQS": sqs(notification(ENCODED)),
    "SNS": {"Records": [{"EventSource": "aws:sns", "Sns": sns(notification(ENCODED))}]},
    "SNS in SQS": sqs(sns(notification(ENCODED))),
    "EventBridge in SQS": sqs(eventbridge(KEY)),
}


def told(**some: list[str]) -> dict[str, list[str]]:
    return {"started": [], "left_alone": [], "not_started": [], "ignored": [], **some}


@pytest.mark.parametrize("form", FORMS)
def test_an_object_starts_the_run_of_its_partition_whatever_the_form_of_the_event(servers: Servers, form: str) -> None:
    assert handler(FORMS[form], None) == told(started=["bike_forecast 2012-12-25: run 'manual__0'"])
    assert servers.asked == [SIGN_IN, LOOK, TRIGGER]


def test_a_partition_is_started_once_for_all_its_objects_in_one_event(servers: Servers) -> None:
    actuals = "bike_sharing/actuals/dt=2012-12-24/h.csv"
    event = sqs(notification(ENCODED, f"{FOLDER}b+c.csv.gz"), eventbridge(actuals), notification(ENCODED))

    assert handler(event, None) == told(
        started=["bike_forecast 2012-12-25: run 'manual__0'", "bike_actuals 2012-12-24: run 'manual__1'"]
    )
    assert [(method, path) for method, path, _ in servers.asked if method == "POST"] == [
        ("POST", "/auth/token"),
        ("POST", RUNS),
        ("POST", "/api/v2/dags/bike_actuals/dagRuns"),
    ]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_waits_or_runs_is_left_alone(servers: Servers, state: str) -> None:
    servers.add_run(state)

    assert handler(FORMS["S3"], None) == told(
        left_alone=[f"bike_forecast 2012-12-25: run 'scheduled__2012-12-25' is {state}"]
    )
    assert servers.asked == [SIGN_IN, LOOK]


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_run_that_has_ended_runs_again(servers: Servers, state: str) -> None:
    servers.add_run(state, "scheduled__2012-12-25T00:00:00+00:00/../x?y#z")

    assert handler(FORMS["S3"], None) == told(
        started=[
            "bike_forecast 2012-12-25: run 'scheduled__2012-12-25T00:00:00+00:00/../x?y#z' again,"
            f" it had ended in {state}"
        ]
    )
    quoted = "scheduled__2012-12-25T00%3A00%3A00%2B00%3A00%2F..%2Fx%3Fy%23z"
    assert servers.asked == [SIGN_IN, LOOK, ("POST", f"{RUNS}/{quoted}/clear", CLEAR)]


def test_two_events_at_once_start_one_run(servers: Servers) -> None:
    servers.together = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: handler(FORMS["S3"], None), range(2)))

    assert sorted(answers, key=lambda answer: answer["left_alone"]) == [
        told(started=["bike_forecast 2012-12-25: run 'manual__0'"]),
        told(left_alone=["bike_forecast 2012-12-25: run 'manual__0' is queued"]),
    ]
    assert list(servers.runs) == [("bike_forecast", DAY)]
    assert servers.asked.count(TRIGGER) == 2


def test_a_run_that_another_event_made_and_that_ended_since_runs_again(servers: Servers) -> None:
    servers.unlisted["bike_forecast", DAY] = {"dag_run_id": "manual__other", "state": "success"}

    assert handler(FORMS["S3"], None) == told(
        started=["bike_forecast 2012-12-25: run 'manual__other' again, it had ended in success"]
    )
    assert servers.asked == [SIGN_IN, LOOK, TRIGGER, LOOK, ("POST", f"{RUNS}/manual__other/clear", CLEAR)]


def test_a_run_that_exists_but_is_never_listed_is_an_error(servers: Servers) -> None:
    servers.answers[f"POST {RUNS}"] = (409, {}, b"{}")

    assert failure(FORMS["S3"]) == (
        "1 of 1 runs could not be started.\n"
        f"  looked: bike_forecast 2012-12-25: Airflow says that the run of bike_forecast 2012-12-25 exists, and does not"
        f" list it. ({servers.url})\n"
        "  left: no other run was started\n"
        f"  next: {NEXT}"
    )


NEXT = "wait: Lambda delivers the event again, and starting twice is harmless (docs/lambda.md)"


def failure(event: object) -> str:
    with pytest.raises(RunError) as error:
        handler(event, None)
    return str(error.value)


NOTHING: dict[str, tuple[object, list[str]]] = {
    "a test event": (
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": "2012-12-24T18:00:00.000Z",
            "Bucket": "landfall",
            "RequestId": "5582",
            "HostId": "8cLe",
        },
        ["a test event of S3"],
    ),
    "a removal": (notification(ENCODED, name="ObjectRemoved:Delete"), ["creates no object: 'ObjectRemoved:Delete'"]),
    "a removal by EventBridge": (eventbridge(KEY, kind="Object Deleted"), ["creates no object: 'Object Deleted'"]),
    "another bucket": (
        notification(ENCODED, bucket="backup"),
        [f"{KEY!r}: in the bucket 'backup', not in 'landfall' (LANDFALL_S3_BUCKET)"],
    ),
    "an event of something else": (
        {"source": "aws.ec2", "detail-type": "Object Created", "detail": {}},
        ["not an event of S3: {'detail': {}, 'detail-type': 'Object Created', 'source': 'aws.ec2'}"],
    ),
    "a record of something else": ({"Records": [{"kinesis": {}}]}, ["not a record of S3: {'kinesis': {}}"]),
    "an endless matryoshka": (sqs(sns(sns(sns("doll")))), ["too many envelopes around '\"doll\"'"]),
    "a message that is no JSON": ({"Records": [{"body": "rm -rf /\n"}]}, ["not JSON: 'rm -rf /\\n'"]),
    "nothing": (None, ["not an event of S3: None"]),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_creates_no_object_changes_nothing_and_needs_no_configuration(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.delenv("LANDFALL_AIRFLOW_URL")
    event, ignored = NOTHING[case]

    assert handler(event, None) == told(ignored=ignored)
    assert servers.asked == []


NO_DATA = "in the folder of bike_demand/forecast 2012-12-25, but no data of it, which is *.csv or *.csv.gz"
FEEDS = [feed.full_name for pipeline in PIPELINES.values() for feed in pipeline.feeds]
NO_PARTITION = f"in no partition of {', '.join(FEEDS)}"
IGNORED_KEYS = {
    "mlflow/1/model.csv": NO_PARTITION,
    "bike_sharing/forecast/hours.csv": NO_PARTITION,
    "bike_sharing/forecast/dt=2012-13-45/hours.csv": NO_PARTITION,
    "../bike_sharing/forecast/dt=2012-12-25/hours.csv": NO_PARTITION,
    f"{FOLDER}": NO_PARTITION,
    f"{FOLDER}_SUCCESS": NO_DATA,
    f"{FOLDER}.hidden.csv": NO_DATA,
    f"{FOLDER}notes.txt": NO_DATA,
    f"{FOLDER}../../actuals/dt=2012-12-25/hours.csv": NO_DATA,
    f"{FOLDER}a\nlevel=ERROR b.csv": NO_DATA,
    f"{FOLDER}{{{{ conn.aws.password }}}}": NO_DATA,
    "bike_sharing/forecast/dt=9999-12-31/hours.csv": NO_PARTITION,
    "x" * 1024: NO_PARTITION,
}


@pytest.mark.parametrize("key", IGNORED_KEYS, ids=lambda key: ascii(key)[:60])
def test_a_key_that_belongs_to_no_partition_is_ignored_with_the_reason_and_shown_escaped(
    servers: Servers, key: str
) -> None:
    assert handler(eventbridge(key), None) == told(ignored=[f"{key!r}: {IGNORED_KEYS[key]}"])
    assert servers.asked == []


@pytest.mark.parametrize("key", ["", "\ud800.csv", "x" * 1025, "ü" * 513])
def test_what_cannot_be_a_key_is_ignored(servers: Servers, key: str) -> None:
    (reason,) = handler(eventbridge(key), None)["ignored"]

    assert reason.startswith("not a key of S3: ")
    assert reason.isprintable()
    assert len(reason) <= 250


def test_an_encoded_key_that_is_not_utf_8_is_ignored(servers: Servers) -> None:
    assert handler(notification("bike_sharing/%FF.csv"), None) == told(
        ignored=["not a key of S3: 'bike_sharing/%FF.csv'"]
    )


HOSTILE_NAMES = [
    "'; DROP TABLE dag_run; --.csv",
    '"},"conf":{"day":"2000-01-01"}.csv',
    "{{ var.value.password }}.csv",
    "?dag_id=other&x=#y%2e%2e.csv",
    "$(reboot)`reboot`.csv",
    "naïve-日本-\u202egnp.csv",
    "x" * (1024 - len(FOLDER) - 4) + ".csv",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name)[:40])
def test_nothing_of_a_hostile_key_reaches_airflow(servers: Servers, name: str) -> None:
    assert handler(eventbridge(FOLDER + name), None) == told(started=["bike_forecast 2012-12-25: run 'manual__0'"])
    assert servers.asked == [SIGN_IN, LOOK, TRIGGER]


def test_the_logical_date_is_the_name_of_the_partition_whatever_its_time_zone(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = Landing(prefix="rides", folder_format="dt=%Y-%m-%d/hr=%H", timezone="Europe/Berlin")
    declare(monkeypatch, hourly)

    assert handler(eventbridge("rides/dt=2012-12-25/hr=08/h.csv"), None) == told(
        started=["bike_forecast 2012-12-25T08: run 'manual__0'"]
    )
    dates = dict.fromkeys(("logical_date", "run_after"), "2012-12-25T08:00:00+00:00")
    assert servers.asked[-1] == ("POST", RUNS, {**dates, "conf": {}, "note": NOTE})


def test_a_marker_starts_the_run_though_it_is_no_data(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, replace(FORECAST.landing, ready=Marker()))

    assert handler(eventbridge(f"{FOLDER}_SUCCESS"), None) == told(
        started=["bike_forecast 2012-12-25: run 'manual__0'"]
    )


def test_what_was_started_and_what_was_not_is_told_after_all_were_tried(servers: Servers) -> None:
    servers.answers["GET /api/v2/dags/bike_actuals/dagRuns"] = (404, {"X": "y"}, b'{"detail":"no\nDAG, jwt"}')
    keys = ["bike_sharing/actuals/dt=2012-12-24/h.csv", ENCODED]

    looked = (
        'bike_actuals 2012-12-24: Airflow refused: 404 \'{"detail":"no\\nDAG, ***"}\''
        f" (GET {servers.url}/api/v2/dags/bike_actuals/dagRuns)"
    )
    assert failure(notification(*keys)) == (
        "1 of 2 runs could not be started.\n"
        f"  looked: {looked}\n"
        "  left: started bike_forecast 2012-12-25: run 'manual__0'\n"
        f"  next: {NEXT}"
    )


def test_an_airflow_that_is_away_is_asked_once_for_all_runs(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    with Servers() as gone:
        url = gone.url
    monkeypatch.setenv("LANDFALL_AIRFLOW_URL", url)

    away = f"Airflow does not answer. (POST {url}/auth/token (URLError))"
    assert failure(notification(ENCODED, "bike_sharing/actuals/dt=2012-12-24/h.csv")) == (
        "2 of 2 runs could not be started.\n"
        f"  looked: bike_forecast 2012-12-25: {away}; bike_actuals 2012-12-24: {away}\n"
        "  left: no other run was started\n"
        f"  next: {NEXT}"
    )


def test_a_refused_password_is_not_shown_though_airflow_repeats_it(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFALL_AIRFLOW_PASSWORD", "mistyped")

    assert failure(FORMS["S3"]) == (
        "1 of 1 runs could not be started.\n"
        f"  looked: bike_forecast 2012-12-25: Airflow refused: 401 (POST {servers.url}/auth/token)\n"
        "  left: no other run was started\n"
        f"  next: {NEXT}"
    )


def test_a_redirect_is_not_followed_with_the_password_or_the_token(servers: Servers) -> None:
    with Servers() as other:
        servers.answers[f"GET {RUNS}"] = (302, {"Location": f"{other.url}/"}, b"-")
        assert "Airflow refused: 302 '-'" in failure(FORMS["S3"])
    assert other.asked == []


@pytest.mark.parametrize("said", [b"<html>", b"[" * 100_000, b"[]", b"{}", b'{"dag_runs": [{"state": 3}]}'])
def test_an_airflow_that_answers_nonsense_is_an_error(servers: Servers, said: bytes) -> None:
    servers.answers[f"GET {RUNS}"] = (200, {}, said)

    assert failure(FORMS["S3"]).startswith("1 of 1 runs could not be started.\n  looked: bike_forecast 2012-12-25: ")


SETTINGS = {
    "LANDFALL_AIRFLOW_URL": [
        ("", "The setting `LANDFALL_AIRFLOW_URL` is missing."),
        ("https://admin:" + "s3cret@airflow", "The setting `LANDFALL_AIRFLOW_URL` is not the address of a server."),
        ("file:///etc/passwd", "The setting `LANDFALL_AIRFLOW_URL` is not the address of a server."),
        ("http://[", "The setting `LANDFALL_AIRFLOW_URL` is not the address of a server."),
        ("http://airflow:port", "The setting `LANDFALL_AIRFLOW_URL` is not the address of a server."),
    ],
    "LANDFALL_START": [
        ("databrick", "There is no way to start runs (LANDFALL_START) `databrick`. Did you mean `databricks`?"),
        ("databricks", "The setting `DATABRICKS_HOST` is missing."),
    ],
}


@pytest.mark.parametrize(("name", "value", "what"), [(n, *case) for n, cases in SETTINGS.items() for case in cases])
def test_a_setting_that_is_missing_or_malformed_is_named_and_not_shown(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, name: str, value: str, what: str
) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as error:
        handler(FORMS["S3"], None)

    assert error.value.what == what
    assert "s3cret" not in str(error.value)


RUN_NOW = "/api/2.2/jobs/run-now"


def test_databricks_runs_the_job_with_the_partition_the_feed_and_the_key(databricks: Servers) -> None:
    assert handler(FORMS["S3"], None) == told(started=["bike_forecast 2012-12-25: run 900 of job 17"])

    ((method, path, body),) = databricks.asked
    token = body.pop("idempotency_token")
    parameters = {"partition": "2012-12-25", "feed": "bike_demand/forecast", "key": KEY}
    assert (method, path, body) == ("POST", RUN_NOW, {"job_id": 17, "job_parameters": parameters})
    assert len(token) == 64


@pytest.mark.parametrize("form", FORMS)
def test_a_duplicated_event_gives_the_databricks_run_that_there_is(databricks: Servers, form: str) -> None:
    assert handler(FORMS["S3"], None) == handler(FORMS[form], None)
    assert list(databricks.jobs.values()) == [900]


def test_a_replaced_object_gives_another_databricks_run(databricks: Servers) -> None:
    for sequencer in ("0A1B", "0A1C"):
        handler(notification(ENCODED, sequencer=sequencer), None)

    assert list(databricks.jobs.values()) == [900, 901]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name)[:40])
def test_a_hostile_key_reaches_databricks_as_one_value(databricks: Servers, name: str) -> None:
    handler(eventbridge(FOLDER + name), None)

    assert [body["job_parameters"]["key"] for _, _, body in databricks.asked] == [FOLDER + name]


def test_feeds_may_have_jobs_of_their_own(databricks: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDFALL_DATABRICKS_JOB_ID")
    monkeypatch.setenv("LANDFALL_DATABRICKS_JOB_IDS", '{"bike_demand/forecast": 23}')

    assert handler(notification(ENCODED, "bike_sharing/actuals/dt=2012-12-24/h.csv"), None) == told(
        started=["bike_forecast 2012-12-25: run 900 of job 23"],
        not_started=[
            "bike_actuals 2012-12-24: LANDFALL_DATABRICKS_JOB_IDS names no job for bike_demand/actuals",
        ],
    )


RULES: dict[str, tuple[Readiness, str]] = {
    "all named": (
        AllNamed(("hours.csv", "more.csv")),
        "AllNamed needs more than one object, and a Databricks job has no wait",
    ),
    "at least": (AtLeast(2), "AtLeast needs more than one object, and a Databricks job has no wait"),
    "settled": (Settled(timedelta(minutes=5)), "Settled needs more than one object, and a Databricks job has no wait"),
    "marker": (
        Marker("_READY"),
        f"the marker _READY completes it, not {KEY.rpartition('/')[2]!r}, and a Databricks job has no wait",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_databricks_is_not_started_by_an_object_that_does_not_make_its_partition_ready(
    databricks: Servers, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    ready, why = RULES[rule]
    declare(monkeypatch, replace(FORECAST.landing, ready=ready))

    assert handler(FORMS["S3"], None) == told(not_started=[f"bike_forecast 2012-12-25: {why}"])
    assert databricks.asked == []


@pytest.mark.parametrize("keys", [["_READY"], ["hours.csv", "_READY"], ["_READY", "hours.csv"]], ids=str)
def test_a_marker_starts_databricks_in_whatever_order_it_comes(
    databricks: Servers, monkeypatch: pytest.MonkeyPatch, keys: list[str]
) -> None:
    declare(monkeypatch, replace(FORECAST.landing, ready=Marker("_READY")))

    assert handler(notification(*(FOLDER + key for key in keys)), None) == told(
        started=["bike_forecast 2012-12-25: run 900 of job 17"]
    )
    assert [body["job_parameters"]["key"] for _, _, body in databricks.asked] == [f"{FOLDER}_READY"]


def test_a_refusal_of_databricks_is_told_without_the_token(
    databricks: Servers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-revoked")

    with caplog.at_level(logging.DEBUG):
        assert failure(FORMS["S3"]) == (
            "1 of 1 runs could not be started.\n"
            '  looked: bike_forecast 2012-12-25: Databricks refused: 401 \'{"detail": "Bearer *** is not known"}\''
            f" (POST {databricks.url}{RUN_NOW})\n"
            "  left: no other run was started\n"
            f"  next: {NEXT}"
        )
    assert "revoked" not in caplog.text


def test_a_token_that_cannot_be_sent_is_not_shown(databricks: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-\r\nX-Injected: 1")

    assert failure(FORMS["S3"]) == (
        "1 of 1 runs could not be started.\n"
        "  looked: bike_forecast 2012-12-25: The token for Databricks holds characters that no token has."
        " (not shown here)\n"
        "  left: no other run was started\n"
        f"  next: {NEXT}"
    )
    assert databricks.asked == []


MALFORMED = "LANDFALL_DATABRICKS_JOB_ID or LANDFALL_DATABRICKS_JOB_IDS is malformed."


@pytest.mark.parametrize(
    ("jobs", "what"),
    [
        ("{", MALFORMED),
        ("[1]", MALFORMED),
        ('{"bike_demand/forecast": "x"}', MALFORMED),
        ('{"bike_demand/forecast": true}', MALFORMED),
        ('{"bike_demand/forecasts": 1}', "There is no feed of `bike_demand` `forecasts`. Did you mean `forecast`?"),
    ],
)
def test_malformed_job_ids_are_refused(
    databricks: Servers, monkeypatch: pytest.MonkeyPatch, jobs: str, what: str
) -> None:
    monkeypatch.setenv("LANDFALL_DATABRICKS_JOB_IDS", jobs)

    with pytest.raises((SettingsError, SpecError)) as error:
        handler(FORMS["S3"], None)

    assert error.value.what == what


def test_the_summary_is_logged_and_holds_no_secret(servers: Servers, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        summary = handler(notification(ENCODED, "x%0Ay"), None)

    assert [json.loads(line.message) for line in caplog.records] == [summary]
    assert PASSWORD not in caplog.text
    assert "jwt" not in caplog.text


def test_the_handler_needs_nothing_but_what_its_zip_holds(tmp_path: Path) -> None:
    """Called without site-packages: landfall, time zones and the standard library are all; so nothing else costs time."""
    for package in ("landfall", "tzdata"):
        (tmp_path / package).symlink_to(Path(str(import_module(package).__file__)).parent)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import landfall.landing.aws_lambda as it; print(it.handler(0, 0))"
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)

    assert answer.stderr == ""
    assert answer.stdout == f"{told(ignored=['not an event of S3: 0'])}\n"
