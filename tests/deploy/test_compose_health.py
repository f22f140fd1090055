"""Each health check of docker-compose.yaml, run against servers that answer as the real ones do."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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
        check = [word.replace("/9000", f"/{port}") for word in services["s3"]["healthcheck"]["test"][1:]]
        assert (subprocess.run(check, capture_output=True, check=False).returncode == 0) is healthy


def test_s3_is_not_healthy_when_nothing_listens(services: Services) -> None:
    with answering(403) as port:
        pass
    check = [word.replace("/9000", f"/{port}") for word in services["s3"]["healthcheck"]["test"][1:]]

    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


BEATING = {
    "metadatabase": {"status": "healthy"},
    "dag_processor": {"status": "healthy"},
    "scheduler": {"status": "unhealthy"},
}


@pytest.mark.parametrize(
    ("component", "healthy"),
    [("api-server", True), ("dag-processor", True), ("scheduler", False), ("triggerer", False)],
)
def test_airflow_is_as_healthy_as_its_api_server_says(component: str, healthy: bool, services: Services) -> None:
    check = services[f"airflow-{component}"]["healthcheck"]["test"]
    with answering(200, json.dumps(BEATING)) as port:
        told = subprocess.run(
            [sys.executable, *check[2:]], cwd=ROOT, env={"LANDFALL_AIRFLOW_URL": f"http://127.0.0.1:{port}"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert check[:2] == ["CMD", "python"]
    assert (told.returncode == 0) is healthy
    assert healthy or component in told.stderr


def test_a_worker_is_healthy_once_it_has_a_master(services: Services) -> None:
    shell = services["spark-worker"]["healthcheck"]["test"][1]
    for master, healthy in (("spark://spark-master:7077", True), ("", False)):
        with answering(
            200, json.dumps({"id": "worker-1", "masterurl": master, "masterwebuiurl": ""}, indent=2)
        ) as port:
            check = shell.replace(":8081", f":{port}")
            assert (subprocess.run(["sh", "-c", check], check=False).returncode == 0) is healthy
