"""Each health check of docker-compose.yaml, run against servers that answer as the real ones do."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
Services = dict[str, Any]


@contextmanager
def answering(status: int, body: str = "") -> Iterator[int]:
    """A server on 127.0.0.1 that gives every GET the same answer; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *words: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(("status", "healthy"), [(403, True), (200, False), (503, False)])
def test_s3_is_healthy_when_it_refuses_a_request_without_a_signature(
    status: int, healthy: bool, services: Services
) -> None:
    with answering(status) as port:
        check = [word.replace("/9000", f"/{port}") for word in services["s3"]["healthcheck"]["test"][4:]]
        assert (subprocess.run(check, capture_output=True, check=False).returncode == 0) is healthy


def test_s3_is_not_healthy_when_nothing_listens(services: Services) -> None:
    with answering(403) as port:
        pass
    check = [word.replace("/9000", f"/{port}") for word in services["s3"]["healthcheck"]["test"][4:]]

    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


BEATING = {
    "metadatabase": {"status": "healthy"},
    "dag_processor": {"status": "healthy"},
    "scheduler": {"status": "unhealthy"},
}


def airflow_check(services: Services, component: str, port: int) -> "subprocess.CompletedProcess[str]":
    """The check of one of Airflow's servers, without what counts its failures."""
    check = services[f"airflow-{component}"]["healthcheck"]["test"]
    assert check[:5] == ["CMD", "bash", "docker/healthy.sh", "6", "python"]
    return subprocess.run(
        [sys.executable, *check[5:]], cwd=ROOT, env={"LANDFALL_AIRFLOW_URL": f"http://127.0.0.1:{port}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("component", "healthy"),
    [("api-server", True), ("dag-processor", True), ("scheduler", False), ("triggerer", False)],
)
def test_airflow_is_as_healthy_as_its_api_server_says(component: str, healthy: bool, services: Services) -> None:
    with answering(200, json.dumps(BEATING)) as port:
        told = airflow_check(services, component, port)

    assert told.returncode == (0 if healthy else 1)
    assert healthy or component in told.stderr


@pytest.mark.parametrize(("component", "code"), [("api-server", 1), ("scheduler", 3), ("triggerer", 3)])
def test_a_server_is_not_to_blame_for_an_api_server_that_is_away(component: str, code: int, services: Services) -> None:
    with answering(200) as port:
        pass

    assert airflow_check(services, component, port).returncode == code


def test_a_server_is_not_to_blame_for_a_database_that_is_away(services: Services) -> None:
    with answering(200, json.dumps({**BEATING, "metadatabase": {"status": "unhealthy"}})) as port:
        assert airflow_check(services, "scheduler", port).returncode == 3


def test_a_worker_is_healthy_once_it_has_a_master(services: Services) -> None:
    shell = services["spark-worker"]["healthcheck"]["test"][-1]
    for master, code in (("spark://spark-master:7077", 0), ("", 3)):
        with answering(
            200, json.dumps({"id": "worker-1", "masterurl": master, "masterwebuiurl": ""}, indent=2)
        ) as port:
            check = shell.replace(":8081", f":{port}")
            assert subprocess.run(["sh", "-c", check], check=False).returncode == code
    assert subprocess.run(["sh", "-c", check], check=False).returncode == 1, "nothing listens any more"


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 3), (2, 1)])
def test_a_database_that_recovers_is_not_to_be_ended(
    tmp_path: Path, code: int, expected: int, services: Services
) -> None:
    """`pg_isready` exits with 1 where the server answers that it is starting, with 2 where nothing answers."""
    program = tmp_path / "pg_isready"
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    told = subprocess.run(
        services["postgres"]["healthcheck"]["test"][4:], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False
    )

    assert told.returncode == expected


# --- an unhealthy server is ended -------------------------------------------------------------------------------------

SERVER = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGTERM))
server = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
sys.exit(abs(server.wait()))
"""
"""The first process of a container: it ends when its server does."""
OBEDIENT = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
UNSHARE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]


@dataclass
class Container:
    """Processes among themselves, as those of a container are: they see, and can end, each other only."""

    process: "subprocess.Popen[str]"
    counts: Path

    def check(self, most: int, *command: str) -> int:
        """Run `healthy.sh` in it, as Docker does every few seconds."""
        inner = psutil.Process(self.process.pid).children()[0].pid
        enter = ["nsenter", "--target", str(inner), "--user", "--preserve-credentials", "--pid", "--mount"]
        words = [*enter, "bash", str(ROOT / "docker" / "healthy.sh"), str(most), *command]
        env = {**os.environ, "HEALTHY_COUNTS": str(self.counts)}
        return subprocess.run(words, env=env, capture_output=True, check=False, timeout=60).returncode

    def ended(self) -> bool:
        return self.process.poll() is not None


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Callable[[str], Container]]:
    """Starts a server in process ids of its own."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"{' '.join(UNSHARE)} true    (this machine gives nobody a namespace)")
    started = []

    def start(server: str) -> Container:
        one = subprocess.Popen([*UNSHARE, sys.executable, "-c", SERVER, server], stdout=subprocess.PIPE, text=True)
        started.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == "up\n"
        return Container(one, tmp_path / "healthy")

    yield start
    for one in started:
        one.kill()
        one.communicate()


def test_a_server_that_fails_its_check_in_a_row_is_ended(container: Callable[[str], Container]) -> None:
    one = container(OBEDIENT)
    assert one.check(3, "true") == 0
    assert [one.check(3, "false") for _ in range(2)] == [1, 1]
    assert one.check(3, "true") == 0, "a check that succeeds begins the count anew"
    assert [one.check(3, "false") for _ in range(2)] == [1, 1]
    assert not one.ended()

    one.check(3, "false")

    assert one.process.wait(30) != 0


def test_a_server_that_does_not_end_when_asked_is_ended_all_the_same(container: Callable[[str], Container]) -> None:
    one = container(DEAF)
    assert one.check(2, "true") == 0
    for _ in range(3):
        assert not one.ended()
        one.check(2, "false")
    one.check(2, "false")

    assert one.process.wait(30) != 0


def test_what_another_is_to_blame_for_ends_no_server(container: Callable[[str], Container]) -> None:
    one = container(OBEDIENT)
    assert one.check(1, "true") == 0
    assert [one.check(1, "sh", "-c", "exit 3") for _ in range(3)] == [1, 1, 1]
    assert not one.ended()


def test_a_server_that_starts_has_five_times_the_patience(container: Callable[[str], Container]) -> None:
    one = container(OBEDIENT)
    assert [one.check(1, "false") for _ in range(4)] == [1, 1, 1, 1]
    assert not one.ended()
    one.check(1, "false")

    assert one.process.wait(30) != 0
