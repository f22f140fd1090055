"""How Airflow's client treats a server that is slow, overloaded, or away; a real HTTP server stands in for Airflow's."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tenacity import stop_after_attempt

from landfall.errors import RunError
from landfall.runs import AirflowApi, client
from landfall.spec.settings import S3, Settings

Answer = tuple[int, Mapping[str, object]]
TOKEN: Answer = (201, {"access_token": "t"})
AWAY: Answer = (0, {})
"""The connection is closed without an answer."""


@dataclass
class Airflow:
    """What it is to answer, one after the other, and what it was asked."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(*answers: Answer) -> Iterator[Airflow]:
    airflow = Airflow(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            airflow.asked.append(f"{self.command} {self.path}")
            status, body = airflow.answers.pop(0)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    airflow.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield airflow
    finally:
        server.shutdown()
        server.server_close()


def settings(url: str) -> Settings:
    return Settings(
        s3=S3(bucket="unused"), database_url="", mlflow_tracking_uri="", mlflow_artifacts="", spark_remote="",
        airflow_url=url, code_version="c0de",
    )  # fmt: skip


def test_signing_in_and_reading_are_tried_again() -> None:
    busy = (503, {"detail": "starting"})
    with serving(AWAY, busy, TOKEN, busy, AWAY, (200, {"state": "success"})) as airflow:
        assert AirflowApi(settings(airflow.url)).state("dag", "run") == "success"
    assert airflow.asked == ["POST /auth/token"] * 3 + ["GET /api/v2/dags/dag/dagRuns/run"] * 3


def test_a_run_is_not_started_twice() -> None:
    known = [(200, {"import_errors": []}), (200, {})]
    with serving(TOKEN, *known, AWAY) as airflow, pytest.raises(RunError, match="Airflow does not answer"):
        AirflowApi(settings(airflow.url)).trigger("dag")
    assert airflow.asked.count("POST /api/v2/dags/dag/dagRuns") == 1


def test_a_wrong_password_is_told_at_once() -> None:
    with serving((401, {"detail": "Invalid credentials"})) as airflow, pytest.raises(RunError) as caught:
        AirflowApi(settings(airflow.url))
    assert str(caught.value) == (
        f"Airflow refused: Invalid credentials\n  looked: POST {airflow.url}/auth/token: 401\n  next: landfall ps"
    )
    assert airflow.asked == ["POST /auth/token"]


@pytest.mark.parametrize(("status", "fault"), [(500, "server"), (409, "request"), (404, "request")])
def test_an_error_of_the_server_is_infrastructure(status: int, fault: str) -> None:
    with serving(TOKEN, (status, {"detail": "no"})) as airflow, pytest.raises(RunError) as caught:
        AirflowApi(settings(airflow.url)).list_runs("dag")
    assert caught.value.fault == fault


def test_a_server_that_stays_overloaded_is_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "AGAIN", client.AGAIN.copy(stop=stop_after_attempt(2)))
    busy = (503, {"detail": "busy"})
    with serving(TOKEN, busy, busy) as airflow, pytest.raises(RunError) as caught:
        AirflowApi(settings(airflow.url)).list_runs("dag")
    assert caught.value.fault == "server"


def test_a_dag_that_is_not_there_is_told_as_that() -> None:
    with serving(TOKEN, (404, {"detail": "not found"})) as airflow, pytest.raises(RunError) as caught:
        AirflowApi(settings(airflow.url)).dag("bikes")
    assert str(caught.value) == (
        "Airflow has no DAG `bikes`.\n"
        f"  looked: GET {airflow.url}/api/v2/dags/bikes: 404\n"
        "  left: nothing was started\n"
        "  next: write dags/bikes.py; Airflow finds it by itself"
    )


def test_no_run_of_a_paused_dag_is_started() -> None:
    with serving(TOKEN, (200, {"import_errors": []}), (200, {"is_paused": True})) as airflow:
        with pytest.raises(RunError) as caught:
            AirflowApi(settings(airflow.url)).trigger("bikes")
        assert str(caught.value) == (
            "The DAG `bikes` is paused: no run of it goes on.\n"
            f"  looked: {airflow.url}/dags/bikes\n"
            "  left: nothing was started\n"
            f"  next: airflow dags unpause bikes    (or the switch on {airflow.url}/dags/bikes)"
        )
    assert not any("dagRuns" in asked for asked in airflow.asked)


def test_a_broken_file_is_that_of_the_dag_only_if_it_has_its_name() -> None:
    error = {"filename": "dags/my_bikes.py", "stack_trace": "Traceback\nSyntaxError: invalid syntax\n"}
    with serving(TOKEN, (200, {"import_errors": [error]}), (200, {})) as airflow:
        AirflowApi(settings(airflow.url)).check_runnable("bikes")
    own = {**error, "filename": "dags/team/bikes.py"}
    with serving(TOKEN, (200, {"import_errors": [own]})) as airflow, pytest.raises(RunError) as caught:
        AirflowApi(settings(airflow.url)).check_runnable("bikes")
    assert caught.value.what == "Airflow cannot parse the DAG `bikes`: SyntaxError: invalid syntax"


def test_a_stack_that_is_down_is_told_as_that() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nothing listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RunError) as caught:
            AirflowApi(settings(url))
    assert str(caught.value) == (
        f"Airflow does not answer.\n  looked: {url}/auth/token ([Errno 111] Connection refused)\n  next: landfall ps"
    )
