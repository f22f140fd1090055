"""A stub of the Jobs API that holds every run open until it is told to end it: so that a hundred run at once on two cores."""

import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from landfall.objects.client import connect
from landfall.spec import Settings


class HeldOpen:
    """The service; `runs` is run id -> name, in the order they came."""

    def __init__(self) -> None:
        self.runs: dict[int, str] = {}
        self.ended: dict[int, float] = {}
        self.tokens: dict[str, int] = {}
        self.asked = 0
        self.lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._answer({"run_id": service.submit(self._body())})

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                number = query["run_id"][0] if "run_id" in query else self._body().get("run_id", 0)
                self._answer(service.run(int(number)))

            def _body(self) -> dict[str, Any]:
                told: dict[str, Any] = json.loads(
                    self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"
                )
                return told

            def _answer(self, told: dict[str, Any]) -> None:
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def connection(self) -> str:
        """The Airflow connection to it, as JSON."""
        how = {"wheel": "/Volumes/landfall.whl", "existing_cluster_id": "1", "poll_seconds": 10}
        told = {"conn_type": "databricks", "schema": "http", "host": "127.0.0.1", "port": self.server.server_port}
        return json.dumps({**told, "password": "token", "extra": {"landfall": how}})

    def submit(self, body: dict[str, Any]) -> int:
        """A new run, or the one that has the token."""
        with self.lock:
            token = body.get("idempotency_token") or body["run_name"]
            number = self.tokens.setdefault(token, len(self.tokens) + 1)
            self.runs[number] = body["run_name"]
            return number

    def run(self, number: int) -> dict[str, Any]:
        """The state of a run."""
        self.asked += 1
        over = number in self.ended
        state = {"life_cycle_state": "TERMINATED" if over else "RUNNING", "state_message": ""}
        if over:
            state["result_state"] = "SUCCESS"
        return {"run_id": number, "job_id": number, "run_page_url": "http://127.0.0.1/", "state": state, "tasks": []}

    def end(self, number: int, settings: Settings) -> None:
        """The job writes its report, and the run is over."""
        key = f"_jobs/{self.runs[number]}.json"
        body = io.BytesIO(b'{"report": {"rows": 24}}')
        connect(settings.s3).put_object(Bucket=settings.s3.bucket, Key=key, Body=body, ContentType="application/json")
        self.ended[number] = time.time()
