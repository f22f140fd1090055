"""A Databricks workspace on this machine: MiniLake, which answers the Jobs API and runs each task as a process.

MiniLake's requirements conflict with Airflow's, so it has an environment of its own, made once. Its jobs use the Spark and the
packages of this project, as they would on a cluster; settings reach them as secrets of the workspace.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landfall.errors import StackError
from landfall.spec.settings import PLAIN, SECRET
from landfall.stack import jars
from landfall.stack.envfile import write_whole
from landfall.stack.java import Java
from landfall.stack.part import Announce, Part

PINS = Path(__file__).with_name("minilake.txt")
SERVER = Path(__file__).with_name("minilake_server.py")
SCOPE = "landfall"
"""The scope of the workspace's secrets."""
DOOR = "/Workspace/landfall/job.py"
STARTS = "from spark_jobs.__main__ import main\n\nmain()\n"
"""The content of that file of the workspace, the one entry point to the jobs."""


def connection(port: int, token: str, written: Mapping[str, str]) -> str:
    """The Airflow connection `landfall_databricks` to this workspace, as JSON."""
    variables = {name: written[name] for name in PLAIN if name in written}
    variables |= {name: f"{{{{secrets/{SCOPE}/{name}}}}}" for name in SECRET if name in written}
    start = {"python_file": DOOR, "new_cluster": {"spark_env_vars": variables}, "poll_seconds": 1}
    return json.dumps({
        "conn_type": "databricks", "schema": "http", "host": "127.0.0.1", "port": port, "password": token,
        "extra": {"landfall": start},
    })  # fmt: skip


class DatabricksWorkspace(Part):
    """The optional workspace (`landfall up --with databricks`)."""

    name = "databricks"
    needs = ("s3", "postgres")

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, token: str, token_file: Path, cache: Path,
        java: Java,
    ) -> None:  # fmt: skip
        super().__init__(log=log, env=env)
        self.secrets = {name: env[name] for name in SECRET if env.get(name)}
        self.data, self.port, self.token = data, port, token
        self.token_file = self._tokens = token_file
        self.url = f"http://127.0.0.1:{port}"
        pins = hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]
        self.environment = cache / f"minilake-{pins}-py{sys.version_info.major}.{sys.version_info.minor}"
        self.env = {
            name: value
            for name, value in env.items()
            if not name.startswith(("LANDFALL_", "AWS_", "AIRFLOW", "MLFLOW"))
        }
        self.cache, self.java = cache, java
        self.env |= {
            "MINILAKE_TOKEN": token,
            "MINILAKE_DATA_DIR": str(data),
            "MINILAKE_PORT": str(port),
            "MINILAKE_JOB_EXECUTOR": "subprocess",
            "MINILAKE_NOTEBOOK": "0",
            "MINILAKE_DUCKDB_EXTENSION_DIR": str(data / "duckdb"),  # else it fetches some at every start
            # What a job runs on.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}",
            "JAVA_HOME": str(java.home),
            "SPARK_HOME": str(jars.pyspark_home()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_SUBMIT_ARGS": self._submit(jars.SPARK.folder(cache)),
        }  # fmt: skip

    def _submit(self, folder: Path) -> str:
        """Spark options for what a Databricks cluster brings itself: the lake's jars, and a driver that starts quickly."""
        conf = {
            "spark.driver.extraClassPath": f"{folder}/*",
            "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.warehouse.dir": str(self.data / "warehouse"),
            "spark.sql.shuffle.partitions": "2",
            "spark.log.level": "WARN",
        }
        return " ".join([*(f"--conf '{name}={value}'" for name, value in conf.items()), "pyspark-shell"])

    def prepare(self, say: Announce) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        write_whole(self._tokens, f"{self.token}\n")
        jars.fetch(jars.SPARK, self.cache, self.java)
        with jars.alone(self.cache):
            if not self.environment.exists():
                say("installing MiniLake (once, 315 MB on disk)")
                install(self.environment)

    def command(self) -> list[str]:
        # -P: beside the server's file are modules of ours called `secrets` and `state`.
        return [str(self.environment / "bin" / "python"), "-P", str(SERVER), str(self.port)]

    def check(self, started: float) -> str | None:
        try:
            self._ask("/api/2.2/jobs/list")
        except OSError as error:
            return f"GET {self.url}/api/2.2/jobs/list: {error}"
        return None

    def settle(self) -> None:
        """Puts the secrets and the file that starts a job into the workspace: MiniLake keeps neither over a restart."""
        self._ask("/api/2.0/secrets/scopes/create", {"scope": SCOPE})
        for name, value in self.secrets.items():
            self._ask("/api/2.0/secrets/put", {"scope": SCOPE, "key": name, "string_value": value})
        self._ask(f"/api/2.0/workspace-files/import-file{DOOR}", STARTS)

    def _ask(self, path: str, body: Mapping[str, Any] | str | None = None) -> None:
        """Sends one request. Raises an OSError if there is no answer, or an error for an answer."""
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body else None
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data=content, headers=headers)  # noqa: S310  (our own server)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5):
            pass


def install(folder: Path) -> None:
    """Makes MiniLake's environment, completely or not at all.

    Raises:
        StackError: pip could not install the pinned packages.
    """
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    pinned = ["--require-hashes", "-r", str(PINS)]
    if uv:
        steps = [[uv, "venv", "--quiet", "--python", sys.executable, str(partial)],
                 [uv, "pip", "install", "--quiet", "--python", str(partial), *pinned]]  # fmt: skip
    else:
        steps = [[sys.executable, "-m", "venv", str(partial)],
                 [str(partial / "bin" / "python"), "-m", "pip", "install", "--quiet", *pinned]]  # fmt: skip
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    for step in steps:
        result = subprocess.run(step, capture_output=True, text=True, check=False, env=env)
        if result.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            raise StackError(
                "MiniLake could not be installed.",
                looked=f"{' '.join(step)}: {(result.stderr or result.stdout).strip()[-400:]}",
                left="the rest of the stack was stopped; data is kept",
                next="landfall up    (without `--with databricks`), or mend the package index",
            )
    partial.rename(folder)
