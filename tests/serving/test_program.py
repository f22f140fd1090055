"""The service as a program: it starts, outlives a restart of PostgreSQL, and drains when it is asked to end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from landfall.publishing import Fingerprint, open_publication, publish
from landfall.serving import keys
from landfall.serving.client import Predictions, Refused
from landfall.stack import children
from landfall.stack.answers import listens
from landfall.stack.databases import Logins
from landfall.stack.postgres import Postgres
from landfall.stack.serving import Serving

pytestmark = pytest.mark.stack
OWNERS = {name: f"the-{name}" for name in ("airflow", "mlflow", "landfall")}
KEY = {"city": "Washington", "state": "D.C.", "time": "1356436800000"}


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)


class Server:
    """A PostgreSQL as the stack starts it, without the rest of the stack."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        logins = Logins(owners=OWNERS, reader="the-reader", serving="the-serving")
        part = Postgres(
            log=self.folder / "log", env=dict(os.environ), data=self.folder / "data", port=self.port, password="the-postgres",
            logins=logins,
        )  # fmt: skip
        part.prepare(lambda doing: None)
        self.process = children.spawn(
            part.command(), env=part.env, log=part.log, wrap=part.wrap, user=part.user, death_signal=part.stop_signal
        )
        wait_for(lambda: part.check(0) is None, "PostgreSQL does not start")
        part.settle()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def url(self, role: str) -> str:
        return f"postgresql://{role}:the-{role.removeprefix('landfall_')}@127.0.0.1:{self.port}/landfall"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("postgres"))
    one.start()
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """A key, and a row that can be looked up."""
    from landfall.pipelines.bike_demand import PREDICTIONS
    from landfall.spec import Partition

    with psycopg.connect(server.url("landfall"), autocommit=True) as conn:
        made_of = Fingerprint(objects={}, code_version="c", model_version="1", contract="1")
        day = Partition.parse("2012-12-25")
        publication = open_publication(conn, PREDICTIONS, day, run_id="r", model_version="1", fingerprint=made_of)
        conn.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
        conn.execute(
            f"INSERT INTO {publication.staging} (city, state, time, predicted)"
            " VALUES ('Washington', 'D.C.', '2012-12-25 12:00Z', 41.5)".encode()
        )
        publish(conn, publication, expected_rows=1)
        return keys.create(conn, "app", ["*"], per_second=10_000)


@pytest.fixture
def program(server: Server, tmp_path: Path) -> Iterator[Any]:
    """The service as the stack starts it, healthy."""
    with started(server, tmp_path) as (part, process):
        wait_for(lambda: part.check(0) is None or process.poll() is not None, "the service does not start")
        assert process.poll() is None, part.log.read_text()
        yield part, process


@contextmanager
def started(server: Server, folder: Path) -> Iterator[tuple[Serving, "subprocess.Popen[bytes]"]]:
    """The service, which may not answer yet."""
    env = {**os.environ, "LANDFALL_SERVING_URL": server.url("landfall_serving"), "LANDFALL_SERVING_SECONDS": "120"}
    part = Serving(log=folder / "log", env=env, port=free_port())
    with part.log.open("wb") as log:
        process = subprocess.Popen(part.command(), env=part.env, stdout=log, stderr=log)
    try:
        yield part, process
    finally:
        process.kill()
        process.wait(30)


def test_the_part_is_healthy_only_while_look_ups_can_be_answered(server: Server, key: str, program: Any) -> None:
    part, _ = program
    server.stop()
    problem = part.check(0)
    assert problem is not None
    assert "/readyz, expected 200: 503" in problem
    server.start()
    wait_for(lambda: part.check(0) is None, "it does not come back")


def test_postgresql_restarts_and_the_service_goes_on(server: Server, key: str, program: Any) -> None:
    part, process = program
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=part.url, headers=headers, timeout=30) as http:
        assert http.get("/v1/bike_demand", params=KEY).json()["values"] == {"predicted": 41.5}
        server.stop()
        away = http.get("/v1/bike_demand", params=KEY)
        assert (away.status_code, away.headers["retry-after"]) == (503, "1")
        server.start()
        assert http.get("/v1/bike_demand", params=KEY).status_code == 200, "the first request after the restart"
    assert process.poll() is None


def test_a_key_is_not_called_wrong_before_the_keys_are_known(server: Server, key: str, tmp_path: Path) -> None:
    server.stop()
    try:
        with started(server, tmp_path) as (part, _), httpx.Client(base_url=part.url, timeout=30) as http:
            wait_for(lambda: listens(part.port), "the service does not start")
            for _ask in range(8):  # more than a stranger may ask
                answer = http.get("/v1/bike_demand", params=KEY, headers={"X-API-Key": key})
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"]) > 0
            assert http.get("/v1/bike_demand", params=KEY, headers={"X-API-Key": "wrong"}).status_code == 401
            server.start()
            ask = partial(http.get, "/v1/bike_demand", params=KEY, headers={"X-API-Key": key})
            wait_for(lambda: ask().status_code == 200, "it never knows the keys")
    finally:
        server.stop()
        server.start()


def test_requests_under_way_are_answered_before_it_ends(server: Server, key: str, program: Any) -> None:
    part, process = program
    headers = {"Authorization": f"Bearer {key}"}
    answers: list[int] = []
    with psycopg.connect(server.url("landfall")) as holder:
        holder.execute("LOCK TABLE predictions.bike_demand IN ACCESS EXCLUSIVE MODE")

        def ask() -> None:
            answers.append(httpx.get(f"{part.url}/v1/bike_demand", params=KEY, headers=headers, timeout=30).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'predictions.bike_demand'::regclass"
        with psycopg.connect(server.url("landfall"), autocommit=True) as watcher:
            wait_for(lambda: (watcher.execute(waits).fetchone() or (0,))[0] == 1, "the request does not wait")
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: not listens(part.port), "it still listens")
        holder.rollback()
    asking.join(30)
    assert answers == [200]
    assert process.wait(30) in (0, -signal.SIGTERM)


def test_each_line_of_its_log_is_json(server: Server, key: str, program: Any) -> None:
    part, _ = program
    httpx.get(f"{part.url}/v1/bike_demand", params=KEY, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def statuses() -> list[int]:
        lines = [json.loads(line) for line in part.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line["said"]["status"] for line in lines if line["logger"] == "landfall.serving.access"]

    wait_for(lambda: statuses()[-1:] == [200], "the answer, logged after it is sent, is not in the log")
    assert key not in part.log.read_text()
    assert "the-serving" not in part.log.read_text()


def test_it_has_no_login_but_its_own(server: Server) -> None:
    given = {
        "LANDFALL_DATABASE_URL": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AIRFLOW__API__SECRET_KEY": "x",
        "MLFLOW_TRACKING_URI": "x",
    }
    part = Serving(log=server.folder / "none", env={**given, "LANDFALL_SERVING_URL": "y", "PATH": "p"}, port=1)
    assert part.env == {"LANDFALL_SERVING_URL": "y", "PATH": "p"}


def test_a_missing_setting_is_said_and_ends_it() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    done = subprocess.run(
        [sys.executable, "-m", "landfall.serving", "--port", "1"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error: The setting `LANDFALL_SERVING_URL` is missing.",
    )


def test_the_client_asks_the_service(server: Server, key: str, program: Any) -> None:
    part, _ = program
    predictions = Predictions(part.url, key)
    assert predictions.lookup("bike_demand", KEY)["values"] == {"predicted": 41.5}
    assert [row and row["values"] for row in predictions.batch("bike_demand", [KEY, {**KEY, "city": "Paris"}])] == [
        {"predicted": 41.5},
        None,
    ]
    bounds = {"city": "Washington", "state": "D.C.", "time_from": "2012-12-25", "time_to": "2012-12-26"}
    rows = predictions.range("bike_demand", bounds)
    assert [row["key"]["time"] for row in rows] == ["2012-12-25T12:00:00+00:00"]
    with pytest.raises(Refused) as caught:
        predictions.lookup("bike_demand", {**KEY, "city": "Paris"})
    assert (caught.value.status, caught.value.problem["state"]) == (404, "published")
    with pytest.raises(ValueError, match="expected http"):
        Predictions("file:///etc/passwd", key)
