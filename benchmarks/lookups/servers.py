"""What is asked: PostgreSQL as the stack starts it, the service, and its peers, each on a free port while it is measured."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from in_database.servers import logged

from landfall.stack import children
from landfall.stack.databases import Logins
from landfall.stack.postgres import Postgres

ROLES = {name: f"the-{name}" for name in ("airflow", "mlflow", "landfall")}
FEAST = "feast[postgres]==0.67.0"
HERE = Path(__file__).parent
BARE = """
import os, asyncpg, uvicorn
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from datetime import UTC, datetime
@asynccontextmanager
async def lifespan(app):
    async def nothing(_): pass
    async with asyncpg.create_pool(os.environ["LANDFALL_SERVING_URL"], min_size=0, max_size=8, reset=nothing) as app.state.pool:
        yield
async def row(request):
    q = request.query_params
    moment = datetime.fromtimestamp(int(q["time"]) / 1000, UTC)
    found = await request.app.state.pool.fetchrow(
        "SELECT predicted, model_version FROM predictions.bike_demand WHERE city = $1 AND state = $2 AND time = $3",
        q["city"], q["state"], moment)
    return JSONResponse(dict(found))
app = Starlette(routes=[Route("/v1/bike_demand", row)], lifespan=lifespan)
uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False, log_level="warning")
"""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class Database:
    """A PostgreSQL of the benchmark's own, as the stack starts it."""

    def __init__(self, folder: Path) -> None:
        logins = Logins(owners=ROLES, reader="the-reader", serving="the-serving")
        self.port = free_port()
        self.part = Postgres(
            log=folder / "log", env=dict(os.environ), data=folder / "data", port=self.port, password="pw", logins=logins
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        part = self.part
        part.prepare(print)
        self.process = children.spawn(
            part.command(), env=part.env, log=part.log, wrap=part.wrap, user=part.user, death_signal=part.stop_signal
        )
        while part.check(0) is not None:
            time.sleep(0.05)
        part.settle()

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def restart(self) -> None:
        """Returns when it answers again. In a thread that stays: a server ends with the thread that started it."""
        answers = threading.Event()

        def again() -> None:
            self.stop()
            self.start()
            answers.set()
            threading.Event().wait()

        threading.Thread(target=again, daemon=True).start()
        answers.wait()

    def url(self, role: str) -> str:
        return f"postgresql://{role}:the-{role.removeprefix('landfall_')}@127.0.0.1:{self.port}/landfall"


@contextmanager
def serving(
    command: list[str], env: dict[str, str], port: int, log: Path, patience: float = 120
) -> Iterator[psutil.Process]:
    """A server that listens on `port`, ended afterwards with all that it started. Its output goes to `log`."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        until = time.monotonic() + patience
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{command[0]} does not serve:\n{log.read_text()[-3000:]}") from None
                time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def bare(url: str, folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """One query behind Starlette, and nothing else."""
    port = free_port()
    env = {**os.environ, "LANDFALL_SERVING_URL": url, "PORT": str(port)}
    with serving([sys.executable, "-c", BARE], env, port, folder / "bare.log") as process:
        yield port, process


@contextmanager
def feast(postgres: int, folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Feast's feature server, its online store in the same PostgreSQL with 1,000 cities in it; from PyPI, by uv."""
    repo = folder / "feast"
    shutil.copytree(HERE / "feast_repo", repo)
    (repo / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: registry.db\nentity_key_serialization_version: 3\n"
        f"online_store: {{type: postgres, host: 127.0.0.1, port: {postgres}, sslmode: disable, database: landfall,"
        " db_schema: feast, user: landfall, password: the-landfall}\n"
    )
    run = [str(Path(sys.executable).with_name("uv")), "run", "--no-project", "--quiet", "--with", FEAST]
    env = {**os.environ, "FEAST_USAGE": "False", "PYTHONWARNINGS": "ignore"}
    subprocess.run([*run, "python", "fill.py"], cwd=repo, env=env, check=True)
    port = free_port()
    serve = [*run, "feast", "-c", str(repo), "serve", "-h", "127.0.0.1", "-p", str(port), "-w", "1", "--no-access-log"]
    with serving(serve, env, port, folder / "feast.log") as process:
        time.sleep(2)  # its worker comes after its port
        yield port, process


@contextmanager
def mlflow(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """`mlflow models serve` of a tree of iris, one worker. It holds no predictions: it makes one for the row that it is shown."""
    store, port = folder / "mlflow", free_port()
    store.mkdir()
    uri, beside = logged("iris", store, signed=False), Path(sys.executable).parent
    command = [
        str(beside / "mlflow"),
        "models",
        "serve",
        "-m",
        uri,
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    env = {
        **os.environ,
        "PATH": f"{beside}:{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}",
    }
    with serving(command, env, port, folder / "mlflow.log") as process:
        yield port, process
