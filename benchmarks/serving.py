"""The lookup service under load: an open loop of look-ups, a swap of 1,000,000 rows and a restart of PostgreSQL meanwhile.

    python benchmarks/serving.py [--rate 1000] [--seconds 60] [--rows 1000000] [--saturated 10]

Needs no stack: it starts a PostgreSQL and the service as the stack does, in a folder of its own, and ends them. Latency is
counted from the moment at which a request was planned to be sent, so a service that falls behind shows it. The load comes from
this process; its share of the CPU is told. At saturation, 32 connections ask as fast as they are answered; requests a second of
the server's own CPU time are compared with a bare Starlette route that runs one query by asyncpg.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from report import write

from landfall.pipelines.bike_demand import PREDICTIONS
from landfall.publishing import Fingerprint, Publication, open_publication, publish
from landfall.publishing.schema import qualified
from landfall.serving import keys
from landfall.spec import Partition
from landfall.stack import children
from landfall.stack.databases import Logins
from landfall.stack.postgres import Postgres
from landfall.stack.serving import Serving

ROLES = {name: f"the-{name}" for name in ("airflow", "mlflow", "landfall")}
DAY = Partition.parse("2012-12-25")
CONNECTIONS = 32
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


@dataclass
class Measured:
    """What came of the requests of a phase: seconds from the planned send, and how many failed."""

    seconds: list[float] = field(default_factory=list)
    failed: Counter[int] = field(default_factory=Counter)
    """Status -> answers; 0 where there was none."""

    def line(self, name: str) -> str:
        """A line of the table."""
        cuts = statistics.quantiles(self.seconds, n=1000)
        p50, p99, p999 = (f"{cuts[n] * 1000:.1f}" for n in (499, 989, 998))
        said = ", ".join(f"{count} of {status or 'no answer'}" for status, count in sorted(self.failed.items()))
        return f"| {name} | {len(self.seconds) + self.failed.total()} | {p50} | {p99} | {p999} | {said or 0} |"


def free_port() -> int:
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
        self.restarted = threading.Event()

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
        """Does not return: a server ends with the thread that started it."""
        self.stop()
        self.start()
        self.restarted.set()
        threading.Event().wait()

    def url(self, role: str) -> str:
        return f"postgresql://{role}:the-{role.removeprefix('landfall_')}@127.0.0.1:{self.port}/landfall"


def stage(conn: psycopg.Connection, rows: int, version: str) -> Publication:
    """`rows` predictions of one day, 1,000 cities, staged by one COPY."""
    made_of = Fingerprint(objects={"a": version}, code_version="c", model_version=version, contract="k")
    publication = open_publication(conn, PREDICTIONS, DAY, run_id=version, model_version=version, fingerprint=made_of)
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, %s)", [publication.id, rows])
        columns = "(city, state, time, predicted)"
        with cursor.copy(
            f"COPY {qualified(publication.staging).as_string(conn)} {columns} FROM STDIN".encode()
        ) as copy:
            for n in range(rows):
                copy.write_row(
                    (f"City{n % 1000}", "D.C.", DAY.start + timedelta(milliseconds=n // 1000 * 1000), n * 0.5)
                )
    return publication


@contextmanager
def serving(command: list[str], env: dict[str, str], port: int) -> Iterator[psutil.Process]:
    """A server that is ended afterwards."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


class Client:
    """Connections that are kept, and requests written by hand: a client library would take more CPU than the service."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.head = port, f"Host: localhost\r\nAuthorization: Bearer {key}\r\n"
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def row(self, n: int) -> bytes:
        path = f"/v1/bike_demand?city=City{n % 1000}&state=D.C.&time={int(DAY.start.timestamp() * 1000)}"
        return f"GET {path} HTTP/1.1\r\n{self.head}\r\n".encode()

    def batch(self, n: int) -> bytes:
        start = int(DAY.start.timestamp() * 1000)
        wanted = [{"city": f"City{(n + k) % 1000}", "state": "D.C.", "time": start} for k in range(100)]
        body = json.dumps({"keys": wanted})
        head = f"{self.head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"POST /v1/bike_demand:batch HTTP/1.1\r\n{head}\r\n{body}".encode()

    async def ask(self, request: bytes) -> int:
        """The status of the answer; 0 if there was none."""
        try:
            reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError):
            return 0
        self.idle.append((reader, writer))
        return int(head[9:12])


async def open_loop(client: Client, rate: int, seconds: float) -> Measured:
    """`rate` look-ups a second, sent when they are planned, whether or not those before were answered."""
    loop, measured = asyncio.get_running_loop(), Measured()
    began, asked = loop.time(), []

    async def one(n: int, planned: float) -> None:
        status = await client.ask(client.row(n))
        if status == 200:
            measured.seconds.append(loop.time() - planned)
        else:
            measured.failed[status] += 1

    for n in range(int(rate * seconds)):
        planned = began + n / rate
        if (pause := planned - loop.time()) > 0:
            await asyncio.sleep(pause)
        asked.append(asyncio.create_task(one(n, planned)))
    await asyncio.gather(*asked)
    return measured


async def saturate(client: Client, process: psutil.Process, seconds: float, *, batch: bool) -> float:
    """Requests a second of the server's CPU time."""
    loop, answered = asyncio.get_running_loop(), 0
    until = loop.time() + seconds

    async def again_and_again() -> None:
        nonlocal answered
        while loop.time() < until:
            status = await client.ask(client.batch(answered) if batch else client.row(answered))
            answered += status == 200  # not in one statement: the others count meanwhile

    before = sum(process.cpu_times()[:2])
    await asyncio.gather(*(again_and_again() for _ in range(CONNECTIONS)))
    return answered / (sum(process.cpu_times()[:2]) - before)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--saturated", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="landfall-serving-") as made:
        database = Database(Path(made))
        try:
            database.start()
            lines = measure(database, Path(made), options)
        finally:
            database.stop()
    write(
        "serving",
        "Look-ups under load",
        [
            f"{options.rate} look-ups a second for {options.seconds:.0f} s a phase, open loop; {options.rows:,} rows in the day. "
            "The service, PostgreSQL and the load share the machine.",
            "",
            "| phase | requests | p50, ms | p99, ms | p99.9, ms | failed |\n|---|---|---|---|---|---|",
            *lines,
            "",
            "Made by `python benchmarks/serving.py`. Feast, MLflow's model server and PostgREST were not run.",
        ],
    )


def measure(database: Database, folder: Path, options: argparse.Namespace) -> list[str]:
    """The lines of the tables."""
    with psycopg.connect(database.url("landfall"), autocommit=True) as conn:
        publish(conn, stage(conn, options.rows, "1"), expected_rows=options.rows)
        key = keys.create(conn, "load", ["*"], per_second=900_000)
        second = stage(conn, options.rows, "2")
        env = {**os.environ, "LANDFALL_SERVING_URL": database.url("landfall_serving")}
        part = Serving(log=folder / "serving", env=env, port=free_port())
        lines = []
        with serving(part.command(), part.env, part.port) as process:
            client = Client(part.port, key)
            asyncio.run(open_loop(client, options.rate, 2))
            cpu = [resource.getrusage(resource.RUSAGE_SELF).ru_utime, sum(process.cpu_times()[:2])]
            for name in ("steady", "while 1 publication is swapped in", "while PostgreSQL restarts"):
                client.idle.clear()
                meanwhile = threading.Thread(target=lambda: None)
                if "swapped" in name:
                    meanwhile = threading.Thread(target=lambda: publish(conn, second, expected_rows=options.rows))
                elif "restarts" in name:
                    meanwhile = threading.Thread(target=database.restart, daemon=True)
                meanwhile.start()
                lines.append(asyncio.run(open_loop(client, options.rate, options.seconds)).line(name))
                if "restarts" in name:
                    database.restarted.wait()
                else:
                    meanwhile.join()
                if name == "steady":
                    cpu = [
                        resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu[0],
                        sum(process.cpu_times()[:2]) - cpu[1],
                    ]
            client.idle.clear()
            ours = asyncio.run(saturate(client, process, options.saturated, batch=False))
            client.idle.clear()
            batches = asyncio.run(saturate(client, process, options.saturated, batch=True))
        port = free_port()
        with serving([sys.executable, "-c", BARE], {**env, "PORT": str(port)}, port) as process:
            bare = asyncio.run(saturate(Client(port, key), process, options.saturated, batch=False))
    load, server = (seconds / options.seconds for seconds in cpu)
    shares = f"\nWhile steady the service took {server:.0%} of a core, the load {load:.0%}."
    return [
        *lines,
        shares,
        f"\n| at saturation | requests a second of the server's CPU |\n|---|---|\n| one row | {ours:.0f} |",
        f"| batches of 100 | {batches:.0f} ({batches * 100:.0f} rows) |\n| a bare Starlette and asyncpg query | {bare:.0f} |",
    ]


if __name__ == "__main__":
    main()
