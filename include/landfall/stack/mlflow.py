"""MLflow's page over the registry, behind a login. Jobs do not need it: they use the same database directly."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from landfall.stack.airflow_parts import Tables
from landfall.stack.answers import http_get
from landfall.stack.envfile import write_whole
from landfall.stack.part import Part, Say
from landfall.stack.revisions import MLFLOW

USER = "admin"
GUARDED = "/api/2.0/mlflow/registered-models/search"
KEPT = ("LANDFALL_HOME", "LANDFALL_PROJECT")
NOT_FOR_IT = ("AIRFLOW", "LANDFALL_", "AWS_")
"""How the names of variables begin that the server does not get: it talks to browsers, and needs no key but its own."""
ADDRESSES = ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_EC2_METADATA_DISABLED")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What only MLflow's server knows.

    Args:
        password: Of its user `admin`, when that is made.
        session: Signs the sessions of its page.
        access_key: Of the identity in the object store that reads models and nothing else.
        secret_key: The same identity's.
    """

    password: str = field(repr=False)
    session: str = field(repr=False)
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


class Mlflow(Part):
    """The optional UI (`landfall up --with mlflow`). Whoever has no login is refused; users keep their logins in a file."""

    name = "mlflow"
    needs = ("postgres", "s3")

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, tracking: str, artifacts: str, tables: Tables,
        keys: Keys, passwords: Path,
    ) -> None:  # fmt: skip
        kept = {name: value for name, value in env.items() if name in (*KEPT, *ADDRESSES)}
        super().__init__(log=log, env={n: v for n, v in env.items() if not n.startswith(NOT_FOR_IT)} | kept)
        # In the environment, so that no command line shows a secret.
        self.env |= {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "MLFLOW_BACKEND_STORE_URI": tracking,
            "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifacts,
            "MLFLOW_SERVE_ARTIFACTS": "false",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight more processes and 900 MB that nothing here uses
            "MLFLOW_AUTH_CONFIG_PATH": str(data / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_USERNAME": USER,
            "MLFLOW_AUTH_ADMIN_PASSWORD": keys.password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": keys.session,
        }
        self.env.pop("MLFLOW_TRACKING_URI", None)
        self.port, self.tables, self.data, self.secret_file = port, tables, data, passwords
        self.url = f"http://127.0.0.1:{port}"

    def prepare(self, say: Say) -> None:
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
    """The settings of MLflow's login. Whoever has one sees nothing until the admin lets them; the admin sees all."""
    settings = {
        "default_permission": "NO_PERMISSIONS",
        "database_uri": f"sqlite:///{database}",
        "admin_username": USER,
        "auth_cache_ttl_seconds": "60",
    }
    return "\n".join(["[mlflow]", *(f"{name} = {value}" for name, value in settings.items()), ""])
