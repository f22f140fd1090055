"""MLflow's page over the registry. Jobs do not need it: they use the same database directly."""

import sys
from collections.abc import Mapping
from pathlib import Path

from landfall.stack.airflow_parts import Tables
from landfall.stack.answers import http_get
from landfall.stack.part import Part, Say


class Mlflow(Part):
    """The optional UI (`landfall up --with mlflow`)."""

    name = "mlflow"
    needs = ("postgres", "s3")

    def __init__(
        self, *, log: Path, env: Mapping[str, str], port: int, tracking: str, artifacts: str, tables: Tables
    ) -> None:
        super().__init__(log=log, env=env)
        # In the environment, so that no command line shows the password.
        self.env |= {
            "MLFLOW_BACKEND_STORE_URI": tracking,
            "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifacts,
            "MLFLOW_SERVE_ARTIFACTS": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight more processes and 900 MB that nothing here uses
        }
        self.env.pop("MLFLOW_TRACKING_URI", None)
        self.port, self.tables = port, tables
        self.url = f"http://127.0.0.1:{port}"

    def prepare(self, say: Say) -> None:
        self.tables.migrate(say)

    def command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--workers",
            "1",
        ]

    def check(self, started: float) -> str | None:
        status, body = http_get(self.port, "/health")
        return None if status == 200 else f"GET {self.url}/health: {status or ''} {body[:200]}"
