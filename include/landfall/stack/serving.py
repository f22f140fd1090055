"""The lookup service: predictions by key, over HTTP, for those who show a key."""

import sys
from collections.abc import Mapping
from pathlib import Path

from landfall.stack.answers import http_get
from landfall.stack.part import Part

GUARDED = "/v1/tables"
KEPT = (
    "LANDFALL_SERVING_URL", "LANDFALL_SERVING_PER_SECOND", "LANDFALL_SERVING_CONNECTIONS", "LANDFALL_SERVING_SECONDS",
    "LANDFALL_OIDC_ISSUER",
    "LANDFALL_OIDC_AUDIENCE", "LANDFALL_HOME", "LANDFALL_PROJECT", "LANDFALL_PACKAGE",
)  # fmt: skip
WITHHELD = ("AIRFLOW", "LANDFALL_", "AWS_", "MLFLOW_")
"""How the names of variables begin that the service does not get: it answers applications, and needs no login but its own."""


class Serving(Part):
    """It listens on 127.0.0.1. It is healthy when a look-up could be answered and nobody is answered without a key."""

    name = "serving"
    needs = ("postgres",)
    grace = 20.0  # requests under way get 15 seconds to end

    def __init__(self, *, log: Path, env: Mapping[str, str], port: int) -> None:
        kept = {name: value for name, value in env.items() if name in KEPT}
        super().__init__(log=log, env={n: v for n, v in env.items() if not n.startswith(WITHHELD)} | kept)
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "landfall.serving", "--host", "127.0.0.1", "--port", str(self.port)]

    def check(self, started: float) -> str | None:
        for path, expected in (("/readyz", 200), (GUARDED, 401)):
            status, body = http_get(self.port, path)
            if status != expected:
                return f"GET {self.url}{path}, expected {expected}: {status or ''} {body[:200]}"
        return None
