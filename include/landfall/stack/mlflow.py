"""MLflow's page over the registry, behind a login. Jobs do not need it: they use the same database directly."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from landfall.stack.airflow_parts import Tables
from landfall.stack.answers import http_get
from landfall.stack.envfile import write_whole
from landfall.stack.part import Announce, Part
from landfall.stack.revisions import MLFLOW

USER = "admin"
GUARDED = "/api/2.0/mlflow/registered-models/search"
KEPT = ("LANDFALL_HOME", "LANDFALL_PROJECT")
WITHHELD = ("AIRFLOW", "LANDFALL_", "AWS_")
"""How the names of variables begin that the server does not get: it talks to browsers, and needs no keys but its own."""
ADDRESSES = ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_EC2_METADATA_DISABLED")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What only MLflow's server knows.

    Args:
        password: The password of its user `admin`, used when that user is made.
        session: The key that signs the sessions of its page.
        access_key: The identity in the object store that may read models and nothing else.
        secret_key: The secret key of that identity.
    """

    password: str = field(repr=False)
    session: str = field(repr=False)
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


class Mlflow(Part):
    """The optional UI (`landfall up --with mlflow`). It refuses anybody without a login; its users and logins are in a file."""

    name = "mlflow"
    needs = ("postgres", "s3")

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, tracking: str, artifacts: str, tables: Tables,
        keys: Keys, passwords: Path,
    ) -> None:  # fmt: skip
        kept = {name: value for name, value in env.items() if name in (*KEPT, *ADDRESSES)}
        super().__init__(log=log, env={n: v for n, v in env.items() if not n.startswith(WITHHELD)} | kept)
        # In the environment, so that no command line shows a secret.
        self.env |= {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "MLFLOW_BACKEND_STORE_URI": tracking,
            "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifacts,
            "MLFLOW_SERVE_ARTIFACTS": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # it takes eight processes and 900 MB, and nothing uses it
            "MLFLOW_AUTH_CONFIG_PATH": str(data / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_USERNAME": USER,
            "MLFLOW_AUTH_ADMIN_PASSWORD": keys.password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": keys.session,
        }
        self.env.pop("MLFLOW_TRACKING_URI", None)
        self.port, self.tables, self.data, self.secret_file = port, tables, data, passwords
        self.url = f"http://127.0.0.1:{port}"

    def prepare(self, say: Announce) -> None:
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.data / "auth.db").touch(mode=0o600)
        write_whole(self.data / "auth.ini", auth_settings(self.data / "auth.db"))
        self.tables.migrate(say, MLFLOW)

    def command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--app-name",
            "basic-auth",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--workers",
            "1",
        ]

    def check(self, started: float) -> str | None:
        status, body = http_get(self.port, "/health")
        if status != 200:
            return f"GET {self.url}/health: {status or ''} {body[:200]}"
        status, body = http_get(self.port, GUARDED)
        return (
            None
            if status == 401
            else f"GET {self.url}{GUARDED} without a login, expected 401: {status or ''} {body[:200]}"
        )


def auth_settings(database: Path) -> str:
    """The settings of MLflow's login. A new user sees nothing until the admin allows it; the admin sees everything."""
    settings = {
        "default_permission": "NO_PERMISSIONS",
        "database_uri": f"sqlite:///{database}",
        "admin_username": USER,
        "auth_cache_ttl_seconds": "60",
    }
    return "\n".join(["[mlflow]", *(f"{name} = {value}" for name, value in settings.items()), ""])
