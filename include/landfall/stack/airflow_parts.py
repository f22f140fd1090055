"""Airflow's four servers, each started by itself so that each can be watched, restarted and ended."""

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from landfall.errors import StackError
from landfall.stack import children
from landfall.stack.answers import http_get
from landfall.stack.part import Announce, Part, Unknown, last_lines
from landfall.stack.revisions import AIRFLOW, MLFLOW, Schema

HEALTH = "/api/v2/monitor/health"
EXECUTION = "/execution/health"
"""A route of the API that tasks use. The first request to that API builds all its routes, and no other is answered meanwhile:
5 s on a quiet machine, a minute on a busy one. So the part is healthy only once this route has answered."""
OPTIONS = {
    # Without the log servers, which would listen on every interface: the logs are on the same disk.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
}


class Tables:
    """Makes or migrates the tables of Airflow and MLflow, if they are not those of the installed version.

    At each start of the stack it also repairs functions of deployed models that an earlier version made. No marker says
    whether that was done already, because a database may be put back as it was before.
    """

    def __init__(self, *, log: Path, env: Mapping[str, str]) -> None:
        self.log, self.env = log, dict(env)
        self._alone = threading.Lock()
        self._repaired = False
        self._done: set[str] = set()

    def migrate(self, say: Announce, *schemas: Schema) -> None:
        """Returns at once if nothing has to be done. It makes one query to each database, once per start of the stack.

        Args:
            say: Called with what is being migrated.
            schemas: Whose tables; by default both.

        Raises:
            StackError: a migration failed, or the tables are from a newer version than the installed one.
        """
        with self._alone:
            chosen = [schema for schema in schemas or (AIRFLOW, MLFLOW) if schema.name not in self._done]
            due = [schema for schema in chosen if schema.is_due(self.env[_MIGRATIONS[schema.name].url])]
            if due:
                say(f"migrating {' and '.join(schema.installed for schema in due)}")
            started = [(schema, self._start(_MIGRATIONS[schema.name].module)) for schema in due]
            repair = None if self._repaired else self._start(["landfall.deployments.repair"])
            for schema, process in started:
                self._wait(process, f"The tables of `{schema.installed}` could not be made.")
            self._done |= {schema.name for schema in chosen}
            if repair:
                self._wait(repair, "The functions of deployed models could not be checked.")
                self._repaired = True

    def _start(self, module: Sequence[str]) -> children.Process:
        return children.spawn([sys.executable, "-m", *module], env=self.env, log=self.log)

    def _wait(self, process: children.Process, failed: str) -> None:
        if process.wait():
            looked = "\n    ".join([str(self.log), *last_lines(self.log)])
            raise StackError(failed, looked=looked, next="landfall down && landfall up")


@dataclass(frozen=True)
class _Migration:
    """The variable with a database's URL; the module that migrates its tables, with its arguments."""

    url: str
    module: tuple[str, ...]


_MIGRATIONS = {
    AIRFLOW.name: _Migration("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", ("landfall.stack.airflow", "db", "migrate")),
    MLFLOW.name: _Migration("MLFLOW_TRACKING_URI", ("landfall.stack.mlflow_tables",)),
}


class AirflowPart(Part):
    """One of the four servers; `check` asks the api-server about the other three."""

    needs = ("postgres",)

    def __init__(
        self, component: str, *, log: Path, env: Mapping[str, str], port: int, tables: Tables, passwords: Path
    ) -> None:
        super().__init__(log=log, env=env)
        self.name, self.port, self.tables = component, port, tables
        if component == "api-server":
            self.url, self.secret_file = f"http://127.0.0.1:{port}", passwords

    def prepare(self, say: Announce) -> None:
        self.tables.migrate(say)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "landfall.stack.airflow", *OPTIONS[self.name]]

    def check(self, started: float) -> str | None:
        if self.name == "api-server":
            status, body = http_get(self.port, EXECUTION)
            return None if status == 200 else f"GET {self.url}{EXECUTION}: {status or ''} {body[:200]}"
        status, body = http_get(self.port, HEALTH)
        tried = f"GET http://127.0.0.1:{self.port}{HEALTH}"
        if status != 200:
            return Unknown(f"{tried}: {status or ''} {body[:200]}")
        health = json.loads(body)
        if health["metadatabase"]["status"] != "healthy":
            return Unknown(f"{tried}: the database is {health['metadatabase']['status']}")
        word = self.name.replace("-", "_")
        state = health.get(word) or {}
        beat = state.get(f"latest_{word}_heartbeat")
        if state.get("status") == "healthy" and beat and datetime.fromisoformat(beat).timestamp() >= started:
            return None
        return f"{tried}: {word} is {state.get('status')}, last heartbeat {beat}"
