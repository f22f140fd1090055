"""A run of the workspace's own job that fails is repaired once. MiniLake has no repair: a stub of the Jobs API stands in."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from landfall.errors import ComputeError
from landfall.objects.client import connect

RUN = 7
LONG = 4
"""So often it is asked for until it has ended: before the operator defers, and by the trigger."""
ARGV = ["measure_drift", "--features", "nothing.here/dt=2012-01-01", "--reference", "s3a://nowhere/reference.json"]


class Workspace:
    """A job whose runs fail until they have been repaired `after` times; then its report is there."""

    def __init__(self, settings: Any, after: int) -> None:
        self.settings, self.after = settings, after
        self.repairs: list[dict[str, Any]] = []
        self.ran: list[dict[str, Any]] = []
        self.asked = 0
        workspace = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                (workspace.repairs if self.path.endswith("/repair") else workspace.ran).append(body)
                workspace.asked = 0
                self.answer({"run_id": RUN, "repair_id": 1})

            def do_GET(self) -> None:
                assert parse_qs(urlsplit(self.path).query).get("run_id", [str(RUN)]) == [str(RUN)]
                self.answer(workspace.state())

            def answer(self, told: dict[str, Any]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def state(self) -> dict[str, Any]:
        """The run, as it is now: it goes on for a while after each start."""
        self.asked += 1
        over, done = self.asked > LONG, len(self.repairs) >= self.after
        if over and done:
            argv = self.ran[0]["python_params"]
            key = argv[argv.index("--report") + 1].partition(f"{self.settings.s3.bucket}/")[2]
            store: Any = connect(self.settings.s3)
            store.put_object(Bucket=self.settings.s3.bucket, Key=key, Body=b'{"report": {"rows": 24}}')
        state = {"life_cycle_state": "TERMINATED" if over else "RUNNING", "state_message": ""}
        if over:
            state["result_state"] = "SUCCESS" if done else "FAILED"
        history = [{"type": "ORIGINAL"}, *({"type": "REPAIR", "id": 1} for _ in self.repairs)]
        told = {"run_id": RUN, "job_id": 1, "run_page_url": "", "state": state, "tasks": []}
        return {**told, "repair_history": history}


@pytest.fixture
def workspace(request: pytest.FixtureRequest, stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    one = Workspace(stack.settings, request.param)
    how = {"job_id": 1, "repair": True, "poll_seconds": 1}
    told = {"conn_type": "databricks", "schema": "http", "host": "127.0.0.1", "port": one.server.server_port}
    monkeypatch.setenv(
        "AIRFLOW_CONN_LANDFALL_DATABRICKS", json.dumps({**told, "password": "t", "extra": {"landfall": how}})
    )
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.mark.parametrize("workspace", [1], indirect=True)
def test_a_run_that_failed_is_repaired_and_its_report_taken(workspace: Workspace, databricks_elsewhere: Any) -> None:
    assert databricks_elsewhere.run(ARGV) == {"rows": 24}
    assert workspace.repairs == [{"run_id": RUN, "rerun_all_failed_tasks": True}]
    assert len(workspace.ran) == 1


@pytest.mark.parametrize("workspace", [2], indirect=True)
def test_a_repaired_run_that_fails_again_is_not_repaired_twice(workspace: Workspace, databricks_elsewhere: Any) -> None:
    with pytest.raises(ComputeError) as failed:
        databricks_elsewhere.run(ARGV)
    assert failed.value.what == "The Spark job `measure_drift` did not finish."
    assert len(workspace.repairs) == 1
