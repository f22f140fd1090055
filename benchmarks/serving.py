"""The lookup service under load: an open loop of look-ups, a swap of 1,000,000 rows and a restart of PostgreSQL meanwhile.

    python benchmarks/serving.py [--rate 1000] [--seconds 60] [--rows 1000000] [--saturated 10] [--peer-rate 100]

Needs no stack: it starts a PostgreSQL and the service as the stack does, in a folder of its own, and ends them. Latency is
counted from the moment at which a request was planned to be sent, so a service that falls behind shows it. The load comes from
this process; its share of the CPU is told. The peers answer the same question, one row by its key, from the same PostgreSQL: a
bare Starlette route that runs one query by asyncpg, and Feast's feature server (installed by uv when it is measured); beside
them MLflow's model server, which makes a prediction for a row instead. Each
server is asked at the same modest rate, and then, at saturation, by 32 connections as fast as it answers; what counts there is
requests a second of the server's own CPU time.
"""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from lookups.load import Client, Measured, Requests, cpu_seconds, get, open_loop, post, saturate
from lookups.servers import Database, bare, feast, free_port, mlflow, serving
from report import write

from landfall.pipelines.bike_demand import PREDICTIONS
from landfall.publishing import Fingerprint, Publication, open_publication, publish
from landfall.publishing.schema import qualified
from landfall.serving import keys
from landfall.spec import Partition
from landfall.stack.serving import Serving

DAY = Partition.parse("2012-12-25")
TIME = int(DAY.start.timestamp() * 1000)
Row = tuple[str, str, str]
"""A line of a table: a name and two figures."""


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


def row(n: int, head: str = "") -> bytes:
    """The look-up of one row."""
    return get(f"/v1/bike_demand?city=City{n % 1000}&state=D.C.&time={TIME}", head)


def batch(n: int, head: str) -> bytes:
    """The look-up of 100 rows."""
    wanted = [{"city": f"City{(n + k) % 1000}", "state": "D.C.", "time": TIME} for k in range(100)]
    return post("/v1/bike_demand:batch", {"keys": wanted}, head)


def features(n: int) -> bytes:
    """The same row, as Feast is asked for it."""
    entities = {"city": [f"City{n % 1000}"], "state": ["D.C."], "time": [str(TIME)]}
    wanted = ["bike_demand:predicted", "bike_demand:model_version"]
    return post("/get-online-features", {"features": wanted, "entities": entities})


def flower(_: int) -> bytes:
    """A row for MLflow's model server to predict."""
    return post("/invocations", {"inputs": [[5.1, 3.5, 1.4, 0.2]]})


def peer(name: str, port: int, process: psutil.Process, requests: Requests, options: argparse.Namespace) -> str:
    """A line of the table of peers: latency at the same modest rate, and what a second of CPU answers at saturation."""
    client = Client(port)
    asyncio.run(open_loop(client, requests, 20, 3))  # warm
    calm = asyncio.run(open_loop(client, requests, options.peer_rate, options.seconds / 3))
    a_second = asyncio.run(saturate(client, requests, process, options.saturated))
    return f"{calm.line(name)} {a_second:.0f} |"


@contextmanager
def meanwhile(work: Callable[[], object] | None, seconds: float) -> Iterator[None]:
    """Runs `work` in a thread, a tenth of the phase after its begin; waits for its end afterwards."""

    def later() -> None:
        time.sleep(seconds / 10)
        if work:
            work()

    thread = threading.Thread(target=later, daemon=True)
    thread.start()
    yield
    thread.join()


def phases(
    database: Database, client: Client, lookup: Requests, swap: Callable[[], object], options: argparse.Namespace
) -> Iterator[tuple[str, Measured]]:
    """Each phase with what was measured."""
    works = {"steady": None, "while a publication is swapped in": swap, "while PostgreSQL restarts": database.restart}
    for name, work in works.items():
        with meanwhile(work, options.seconds):
            measured = asyncio.run(open_loop(client, lookup, options.rate, options.seconds))
        yield name, measured


def measure(database: Database, folder: Path, options: argparse.Namespace) -> list[str]:
    """The tables' lines."""
    with psycopg.connect(database.url("landfall"), autocommit=True) as conn:
        publish(conn, stage(conn, options.rows, "1"), expected_rows=options.rows)
        head = f"Authorization: Bearer {keys.create(conn, 'load', ['*'], per_second=900_000)}\r\n"
        second = stage(conn, options.rows, "2")
    env = {**os.environ, "LANDFALL_SERVING_URL": database.url("landfall_serving")}
    part = Serving(log=folder / "serving", env=env, port=free_port())

    def swap() -> None:
        with psycopg.connect(database.url("landfall"), autocommit=True) as publisher:
            publish(publisher, second, expected_rows=options.rows)

    def lookup(n: int) -> bytes:
        return row(n, head)

    lines, peers, shares = [], [], ""
    with serving(part.command(), part.env, part.port, folder / "serving.log") as process:
        client = Client(part.port)
        asyncio.run(open_loop(client, lookup, options.rate, 2))
        began = own_seconds(), cpu_seconds(process)
        for name, measured in phases(database, client, lookup, swap, options):
            lines.append(measured.line(name))
            if not shares:
                server, load = cpu_seconds(process) - began[1], own_seconds() - began[0]
                of_server, of_load = server / options.seconds, load / options.seconds
                shares = f"While steady the service took {of_server:.0%} of a core, the load {of_load:.0%}."
        peers.append(peer("Landfall's service", part.port, process, lookup, options))
        batches = asyncio.run(saturate(client, lambda n: batch(n, head), process, options.saturated))
    with bare(database.url("landfall_serving"), folder) as (port, process):
        peers.append(peer("a bare Starlette and asyncpg query", port, process, row, options))
    with feast(database.port, folder) as (port, process):
        peers.append(peer("Feast's feature server", port, process, features, options))
    with mlflow(folder) as (port, process):
        peers.append(peer("MLflow's model server, a tree of iris", port, process, flower, options))
    return [
        f"{options.rate} look-ups a second for {options.seconds:.0f} s a phase, open loop; {options.rows:,} rows in the day. "
        "The service, PostgreSQL and the load share the machine.",
        "",
        "| phase | requests | p50, ms | p99, ms | p99.9, ms | failed |\n|---|---|---|---|---|---|",
        *lines,
        "",
        shares,
        "",
        f"One row by its key, {options.peer_rate} a second; then as fast as it is answered:",
        "",
        "| server | requests | p50, ms | p99, ms | p99.9, ms | failed | requests a second of its CPU, saturated |",
        "|---|---|---|---|---|---|---|",
        *peers,
        "",
        f"In batches of 100 the service answers {batches * 100:,.0f} rows a second of its CPU.",
    ]


def own_seconds() -> float:
    """CPU seconds of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--saturated", type=float, default=10)
    parser.add_argument("--peer-rate", type=int, default=100)
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
        [*lines, "", "Made by `python benchmarks/serving.py`. PostgREST was not run: it could not be had."],
    )


if __name__ == "__main__":
    main()
