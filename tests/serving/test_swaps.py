"""A caller never notices a swap: no answer mixes two publications or is an error while a partition is swapped to and fro."""

import asyncio
import threading
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psycopg
import pytest

from landfall.pipelines import PIPELINES
from landfall.publishing import rollback
from landfall.publishing.keyed import Statement
from landfall.serving.pool import Pool, Unavailable
from landfall.serving.reader import Reader
from landfall.serving.tables import served_tables

pytestmark = pytest.mark.stack
SWAPS = 25


@pytest.fixture
def swapping(conn: Any, steps: Any, database_url: str) -> Any:
    """Swaps Christmas to and fro between two publications, from a thread, until it has done so `SWAPS` times."""
    steps.land(conn, steps.predictions, [(c, s, t, 1.0) for c, s, t, _ in steps.hours(steps.christmas, 0.0)])
    steps.land(
        conn,
        steps.predictions,
        [(c, s, t, 2.0) for c, s, t, _ in steps.hours(steps.christmas, 0.0)],
        objects={"a": "newer"},
    )
    failed: list[BaseException] = []

    def swap() -> None:
        with psycopg.connect(database_url, autocommit=True, options="-c TimeZone=UTC") as own:
            for number in range(SWAPS):
                last = own.execute(
                    "SELECT id FROM landfall.publications WHERE state <> 'published' AND child_table IS NOT NULL"
                ).fetchone() or (0,)
                try:
                    rollback(own, steps.predictions, steps.christmas, to=int(str(last[0])))
                except BaseException as error:
                    failed.append(error)
                    return
                assert number < SWAPS

    thread = threading.Thread(target=swap)
    yield thread
    thread.join()
    assert failed == []


def test_a_batch_and_a_page_are_of_one_publication_while_it_is_swapped(swapping, steps, serving_url):
    served = served_tables(PIPELINES.values())["bike_demand"]
    others = {"city": "Washington", "state": "D.C."}
    keys = [{**others, "time": f"2012-12-25T{hour:02}:00"} for hour in range(24)]

    async def read() -> tuple[set[Any], int]:
        pool = Pool(serving_url, connections=4, seconds=120)
        await pool.open()
        reader, seen, answers = Reader(pool), set(), 0
        swapping.start()
        try:
            while swapping.is_alive() or answers < 20:
                batch, page, row = await asyncio.gather(
                    reader.batch(served, keys),
                    reader.page(served, others, first="2012-12-25", until="2012-12-26", limit=24),
                    reader.row(served, keys[0]),
                )
                for rows in (batch, list(page.rows), [row]):
                    found = {(one.publication, one.fingerprint, one.values["predicted"]) for one in rows if one}
                    assert len(found) == 1, found
                    assert None not in rows
                    seen |= found
                answers += 1
        finally:
            await pool.close()
        return seen, answers

    seen, answers = asyncio.run(read())
    assert answers >= 20
    assert len(seen) == 2, "both publications were read, each with its own number, fingerprint and rows"


def test_a_statement_that_a_swap_made_invalid_is_tried_again(serving_url):
    """A table whose columns change between two executions makes asyncpg's prepared statement invalid, however often."""
    raised = 0

    class Stumbling:
        async def fetch(self, *words: object) -> list[dict[str, int]]:
            nonlocal raised
            raised += 1
            if raised < 4:
                raise asyncpg.InvalidCachedStatementError("cached plan must not change result type")
            return [{"x": 1}]

    class Stumble:
        def get_idle_size(self) -> int:
            return 1

        def acquire(self, **how: object) -> "Stumble":
            return self

        async def __aenter__(self) -> Stumbling:
            return Stumbling()

        async def __aexit__(self, *error: object) -> None:
            return None

    async def ask() -> Any:
        pool = Pool(serving_url)
        pool._pool = Stumble()
        return await pool.fetch(Statement("SELECT 1 AS x", []))

    assert (asyncio.run(ask()), raised) == ([{"x": 1}], 4)


def test_a_changed_table_is_read_without_an_error(conn, database_url):
    conn.execute("CREATE SCHEMA predictions; CREATE TABLE predictions.changing AS SELECT 1 AS x")

    async def ask() -> Any:
        pool = Pool(database_url, connections=1, seconds=120)
        await pool.open()
        statement = Statement("SELECT * FROM predictions.changing", [])
        first = await pool.fetch(statement)
        conn.execute("ALTER TABLE predictions.changing ALTER x TYPE text")
        second = await pool.fetch(statement)
        await pool.close()
        return [[dict(row) for row in rows] for rows in (first, second)]

    assert asyncio.run(ask()) == [[{"x": 1}], [{"x": "1"}]]


def test_a_database_that_is_away_is_said_to_be_away():
    async def ask() -> None:
        pool = Pool("postgresql://a:PASSWORD@127.0.0.1:1/b")
        await pool.open()
        try:
            await pool.fetch(Statement("SELECT 1", []))
        finally:
            await pool.close()

    with pytest.raises(Unavailable, match=r"^The predictions database cannot be asked now"):
        asyncio.run(ask())


def test_a_connection_that_postgresql_has_ended_is_left_before_its_socket_closes(conn, serving_url):
    """PostgreSQL says that it ends, and the socket closes a moment later. asyncpg has InternalClientError for who asks meanwhile.

    A proxy makes the moment long: it passes on what PostgreSQL says, and not that it has closed the socket.
    """
    parts = urlsplit(serving_url)

    async def ask() -> tuple[object, object, object]:
        said = asyncio.Event()
        copying: list[asyncio.Task[None]] = []

        async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                writer.write(data)
                if b"57P01" in data:
                    said.set()

        async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            behind, before = await asyncio.open_connection(parts.hostname, parts.port)
            copying.extend((asyncio.create_task(copy(reader, before)), asyncio.create_task(copy(behind, writer))))

        proxy = await asyncio.start_server(passing, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        pool = Pool(
            parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl(), connections=1
        )
        await pool.open()
        backend = Statement("SELECT pg_backend_pid() AS pid", [])
        first = (await pool.fetch(backend))[0]["pid"]
        conn.execute("SELECT pg_terminate_backend(%s, 10000)", [first])
        await said.wait()
        await asyncio.sleep(0.2)  # the pool's own connection reads it meanwhile
        second = (await pool.fetch(backend))[0]["pid"]
        third = (await pool.fetch(backend))[0]["pid"]
        pool._pool.terminate()
        for task in copying:
            task.cancel()
        proxy.close()
        return first, second, third

    first, second, third = asyncio.run(ask())
    assert first != second, "it was opened anew"
    assert second == third, "and is kept"
