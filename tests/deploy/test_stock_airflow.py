"""Somebody's own Airflow: the wheel in a new environment, another executor, a worker with its own disk, and a day that is run.

What is not Airflow is the suite's: S3 (in a bucket of its own), Spark, the registry, and a database of its own on its server.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from landfall.database import migrate
from landfall.models.registry import champion_version
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import TRAINING
from landfall.samples import write_sample
from landfall.spec import Partition, Settings

ROOT = Path(__file__).resolve().parents[2]
DAY = Partition.parse("2013-05-05")
OURS = ("AIRFLOW", "LANDFALL_", "AWS_", "MLFLOW_", "PYTHONPATH", "VIRTUAL_ENV")
UV = [str(Path(sys.executable).with_name("uv"))]
AIRFLOW = ("apache-airflow", "apache-airflow-providers-postgres", "apache-airflow-providers-celery", "celery<5.7")
"""What is there before Landfall: its tables in Postgres, its tasks run by Celery (the provider takes no newer one)."""
SERVERS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer",),
    "worker": ("celery", "worker", "--concurrency", "1"),
}


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]


@dataclass(frozen=True)
class Stock:
    """An Airflow that has the wheel, and where it is."""

    folder: Path
    env: dict[str, str]
    api: str
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.folder / "env" / "bin" / "python"

    @property
    def wheel(self) -> Path:
        return next(self.folder.glob("landfall-*.whl"))

    def install(self, *words: str) -> None:
        """Packages at the versions of requirements.txt, and whatever fits of others; from the cache, if it can.

        With the constraints of `make .venv`, uv finds the pyspark which that has built, and does not build it again.
        """
        command: list[str | Path] = [
            *UV,
            "pip",
            "install",
            "--quiet",
            "--python",
            self.python,
            "--constraint",
            ROOT / "requirements.txt",
            "--build-constraint",
            ROOT / "requirements.txt",
            *words,
        ]
        if subprocess.run([*command, "--offline"], capture_output=True, check=False).returncode:
            subprocess.run(command, check=True)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A program of its Python."""
        return subprocess.run(
            [self.python, *words], capture_output=True, text=True, check=False, env=self.env, cwd=self.folder
        )

    def start(self) -> None:
        """Its servers. The worker keeps the logs of tasks on a disk of its own."""
        for name, words in SERVERS.items():
            disk = str(self.folder / ("disk_of_the_worker" if name == "worker" else "logs"))
            with (self.folder / f"{name}.log").open("wb") as output:
                self.processes.append(
                    subprocess.Popen(
                        [self.folder / "env" / "bin" / "airflow", *words],
                        env={**self.env, "AIRFLOW__LOGGING__BASE_LOG_FOLDER": disk},
                        cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                    )
                )  # fmt: skip

    def stop(self) -> None:
        """All that was started, with all that it has started."""
        for signum in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signum)
            for process in self.processes:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10)

    def tail(self) -> str:
        """The last lines of its servers' logs, for the message of a failed test."""
        return "\n".join(f"--- {file.name}\n{file.read_text()[-2000:]}" for file in sorted(self.folder.glob("*.log")))

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The API's answer."""
        answer = httpx.request(method, f"{self.api}{path}", headers=self.token(), timeout=60, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def token(self) -> dict[str, str]:
        answer = httpx.get(f"{self.api}/auth/token", timeout=60)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def until(self, there: Callable[[], Any], what: str) -> Any:
        """What `there` gives, once it gives something."""
        limit = time.monotonic() + 300
        while time.monotonic() < limit:
            with suppress(httpx.HTTPError, AssertionError, json.JSONDecodeError):
                if found := there():
                    return found
            time.sleep(1)
        raise AssertionError(f"not in five minutes: {what}\n{self.tail()}")

    def ended(self, run: str) -> Any:
        """A run of the forecast's DAG, once it has ended."""
        path = f"/api/v2/dags/bike_forecast/dagRuns/{run}"
        return self.until(
            lambda: (one := self.ask("GET", path)) and one["state"] in ("success", "failed") and one,
            f"the end of {run}",
        )

    def log(self, run: str, task: str, number: int = 1) -> str:
        """What the UI shows of a task."""
        path = f"/api/v2/dags/bike_forecast/dagRuns/{run}/taskInstances/{task}/logs/{number}"
        return json.dumps(self.ask("GET", path, params={"full_content": True})["content"])


@pytest.fixture(scope="module")
def databases(stack: Any) -> Iterator[Callable[[str], str]]:
    """URLs of new databases on the suite's server, by name; they are dropped afterwards."""
    made, parts = [], conninfo_to_dict(stack.superuser)
    with psycopg.connect(stack.superuser, autocommit=True) as admin:

        def new(name: str) -> str:
            made.append(f"stock_{name}_{uuid.uuid4().hex[:6]}")
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made[-1])))
            return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{made[-1]}"

        yield new
        for each in made:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(each)))


@pytest.fixture(scope="module")
def stock(
    stack: Any, trained: None, databases: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stock]:
    """An Airflow with the wheel, and nothing that its steps import."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "dags").mkdir()
    for file in (ROOT / "dags").glob("*.py"):
        shutil.copy(file, folder / "dags")
    api, worker, triggerer = free_ports(3)
    metadata = databases("airflow").replace("postgresql://", "postgresql+psycopg2://", 1)
    predictions = databases("landfall")
    with psycopg.connect(predictions, autocommit=True) as conn:
        migrate(conn)  # `landfall migrate`, as docs/airflow.md says
    queue, near = folder / "queue", f"127.0.0.1,localhost,{socket.gethostname()}"
    queue.mkdir()
    one = Stock(
        folder,
        {
            **{name: value for name, value in os.environ.items() if not name.startswith(OURS)},
            **{name: value for name, value in stack.env.items() if name.startswith(("AWS_", "MLFLOW_"))},
            **{
                name: stack.env[name]
                for name in ("LANDFALL_S3_ENDPOINT", "LANDFALL_SPARK_REMOTE", "LANDFALL_MLFLOW_ARTIFACTS")
            },
            "LANDFALL_S3_BUCKET": f"stock-{uuid.uuid4().hex[:8]}",
            "LANDFALL_DATABASE_URL": predictions,
            "NO_PROXY": near,
            "no_proxy": near,
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
            "AIRFLOW__CELERY__BROKER_URL": "filesystem://",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{metadata}",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__DATA_FOLDER_IN": str(queue),
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__DATA_FOLDER_OUT": str(queue),
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # on a machine that has much else to do
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(api),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(triggerer),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        },
        f"http://127.0.0.1:{api}",
    )
    try:
        subprocess.run([*UV, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
        build: list[str | Path] = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            folder,
        ]
        subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
        one.install(*AIRFLOW, str(one.wheel))
        yield one
    finally:
        one.stop()


def test_what_is_missing_is_said_when_a_dag_file_is_read_with_the_command_that_installs_it(stock: Stock) -> None:
    read = stock.run("-c", "import dags.bike_forecast")

    assert "SettingsError: This Airflow lacks packages that Landfall's steps import: " in read.stderr
    assert "pyspark[connect]==4.0.*" in read.stderr
    assert "next: pip install " in read.stderr
    assert "(or all of it: landfall[airflow])" in read.stderr


def test_the_wheel_runs_a_day_in_a_plain_airflow_and_sees_an_edited_contract(
    stack: Any, landfall: Any, stock: Stock, tmp_path: Path
) -> None:
    stock.install(*AIRFLOW, f"{stock.wheel}[airflow]")
    migrated = stock.run("-m", "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    stock.start()

    settings = Settings.read(stock.env)
    s3: Any = connect(settings.s3)
    s3.create_bucket(Bucket=settings.s3.bucket)
    version = champion_version(stack.settings, TRAINING.model)
    files = {each.feed: each.path for each in write_sample("bike_demand", tmp_path, 1, DAY.day)}
    for command in (
        ("vouch", "bike_demand", version),
        ("promote", "bike_demand", version),
        ("land", "bike_demand/forecast", str(files["forecast"]), "--from", str(DAY), "--until", str(DAY)),
    ):
        done = landfall(*command, **{name: stock.env[name] for name in ("LANDFALL_DATABASE_URL", "LANDFALL_S3_BUCKET")})
        assert done.returncode == 0, done.stdout + done.stderr

    stock.until(lambda: httpx.get(f"{stock.api}/execution/health", timeout=120).is_success, "the API of tasks")
    dag = "/api/v2/dags/bike_forecast"
    stock.until(lambda: stock.ask("PATCH", dag, json={"is_paused": False}), "the DAG bike_forecast")
    assert stock.ask("GET", "/api/v2/importErrors")["import_errors"] == []
    run = stock.ask("POST", f"{dag}/dagRuns", json={"logical_date": DAY.start.isoformat()})["dag_run_id"]
    assert stock.ended(run)["state"] == "success", stock.tail()
    with psycopg.connect(settings.database_url) as database:
        assert database.execute("SELECT count(*) FROM predictions.bike_demand WHERE predicted > 0").fetchone() == (24,)
    # From the worker's disk, through its log server.
    assert "Publication 1 of predictions.bike_demand" in stock.log(run, "publish")
    assert not [*(stock.folder / "logs").rglob("task_id=publish")]

    declared = next(stock.folder.glob("env/lib/python*/site-packages/landfall/pipelines/bike_demand.py"))
    edited = declared.read_text().replace(
        'name="hum", type="double", minimum=0', 'name="hum", type="double", minimum=0.99'
    )
    assert edited != declared.read_text()
    declared.write_text(edited)
    stock.ask("POST", f"{dag}/dagRuns/{run}/clear", json={"dry_run": False, "only_failed": False})
    assert stock.ended(run)["state"] == "failed"
    assert "hum is outside 0.99..1" in stock.log(run, "make_features", 2)
