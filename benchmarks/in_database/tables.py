"""The tables of the in-database benchmarks: for each model one that it is deployed to, and one of the same columns without it.

All are in a schema `benchmarks` of the predictions database, which goes at the end, with what `landfall.deployments` noted.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import psycopg
from in_database.models import CASES, fitted, sample
from psycopg import sql

from landfall.database import Database, connect
from landfall.deployments import Create, Registered, Request, TableName, deploy, deployments, undeploy
from landfall.scoring import Compiled, PostgreSQL, compile_model, read_sklearn
from landfall.spec import Settings

SCHEMA = "benchmarks"
KEY = "id"
PREFIX = "benchmark_"
"""Of the names under which the models are deployed."""


@contextmanager
def tables(where: Settings, names: Sequence[str]) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection, beside the tables of some models; all is removed at the end."""
    with connect(where) as conn:
        remove(conn)
        conn.execute(f"CREATE SCHEMA {SCHEMA}".encode())
        try:
            for name in names:
                deploy_version(conn, name, 1)
                like = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)")
                conn.execute(like.format(table(name, "plain"), table(name)))
            yield conn
        finally:
            remove(conn)


def deploy_version(conn: Database, name: str, version: int) -> None:
    """The model of a case as one more version of itself."""
    create = Create(primary_key={KEY: "bigint"}) if version == 1 else None
    form = read_sklearn(fitted(name), CASES[name].columns)
    deploy(
        conn,
        Request(table=TableName(SCHEMA, name), model=PREFIX + name, create=create),
        Registered(model=PREFIX + name, version=str(version), form=form),
    )


def remove(conn: Database) -> None:
    """Leaves nothing of the benchmark in the database."""
    with suppress(psycopg.errors.UndefinedTable):
        for each in deployments(conn):
            if each.model.startswith(PREFIX):
                undeploy(conn, each.table)
        mine = f"SELECT id FROM landfall.deployments WHERE model LIKE '{PREFIX}%'"
        conn.execute(f"DELETE FROM landfall.deployed_versions WHERE deployment_id IN ({mine})".encode())
        conn.execute(f"DELETE FROM landfall.deployments WHERE id IN ({mine})".encode())
    conn.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())


def table(name: str, kind: str = "") -> sql.Identifier:
    """The table of a case that has the model; `plain`: without it; `source`: the rows that go into either."""
    return sql.Identifier(SCHEMA, f"{name}_{kind}" if kind else name)


def insert(name: str, kind: str = "") -> sql.Composed:
    """An INSERT of one row: its key, then the model's inputs."""
    columns = (KEY, *CASES[name].columns)
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table(name, kind),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )


def copy(conn: Database, name: str, kind: str, rows: Sequence[Sequence[float]], first: int) -> None:
    """Rows by COPY, their keys counted from `first` on."""
    columns = sql.SQL(", ").join(map(sql.Identifier, (KEY, *CASES[name].columns)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table(name, kind), columns)
    with conn.cursor() as cursor, cursor.copy(statement) as out:
        for number, row in enumerate(rows, first):
            out.write_row((number, *row))


def fill_source(conn: Database, name: str, rows: int) -> np.ndarray:
    """The table `source` with a case's rows, keys from 1 on; returns the rows."""
    values = sample(name, rows)
    columns = sql.SQL(", ").join(sql.SQL("{} float8").format(sql.Identifier(one)) for one in CASES[name].columns)
    source = table(name, "source")
    conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(source))
    conn.execute(sql.SQL("CREATE TABLE {} ({} bigint, {})").format(source, sql.Identifier(KEY), columns))
    copy(conn, name, "source", values.tolist(), 1)
    conn.execute(sql.SQL("VACUUM (ANALYZE, FREEZE) {}").format(source))
    return values


def compiled(name: str) -> Compiled:
    """The model as one expression of PostgreSQL."""
    return compile_model(read_sklearn(fitted(name), CASES[name].columns), PostgreSQL())


def shares(name: str) -> tuple[str, ...]:
    """The columns of the probabilities."""
    return tuple(f"probability_{number}" for number in range(CASES[name].classes))


def in_turns(sides: dict[str, Callable[[], list[float]]], turns: int, told: str) -> dict[str, list[float]]:
    """What every side measures, turn after turn; the first turn warms up and is not counted."""
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(turns + 1):
        for side, measure in sides.items():
            one = measure()
            if turn:
                taken[side] += one
        print(f"{told}: {f'turn {turn} of {turns}' if turn else 'warm-up'}", flush=True)
    return taken
