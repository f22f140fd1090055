"""One row at a time: an INSERT with and without a model on the table, beside model servers and orbital.

    python benchmarks/in_database_rows.py [--turns 10] [--calls 200] [--cases iris,tree,...] [--orbital-seconds 120]

Needs a running stack (`landfall up`, or the LANDFALL_* variables of another). Each INSERT is a statement and a transaction of
its own, of a key and the model's inputs, from psycopg on one connection, which prepares it after the fifth as it does for any
application. The table without a model has the same columns; its predictions stay null. The time is the client's, with the
round trip; `synchronous_commit` is the server's (on), and once more off, where the disk does not hide what the model costs.

The servers are asked over HTTP on a connection that is kept, a row a call, then 1,000 rows a call beside a COPY of 1,000 rows.
What they answer is not stored: an application would have to INSERT it besides. They run on the same machine, one worker each.
MLflow gives predictions only, the others probabilities too. It is asked twice: of a model without a signature, rows as
`inputs`, its quickest format; and of one whose signature names the columns, as a registered model has it, rows as
`dataframe_split`. Orbital's SQL and the compiled expression are asked as a SELECT of one row, prepared; neither stores
anything. All sides of a model take turns; the first turn warms up and is not counted.
"""

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from in_database.models import CASES, sample
from in_database.peers import Orbital, of_one, one_row, orbital
from in_database.rendering import both, median, table_of, times
from in_database.servers import check, fastapi, mlflow_server
from in_database.tables import compiled, copy, in_turns, insert, shares, tables
from psycopg import sql
from report import write

from landfall.database import Database, connect
from landfall.spec import Settings
from landfall.stack import environment, settings

PLAIN, MODEL, PLAIN_OFF, MODEL_OFF = "plain", "model", "plain, off", "model, off"
MLFLOW, SIGNED, FASTAPI, EMPTY = "MLflow", "MLflow, signature", "FastAPI", "FastAPI, nothing"
OURS, ORBITAL = "compiled expression", "orbital"
FIRST_PLAIN, FIRST_MODEL = "first, plain", "first, model"
MANY = ("COPY, no model", "COPY, with it", "MLflow of 1,000", "MLflow, signature", "FastAPI of 1,000")
Taken = dict[str, list[float]]
KEYS = itertools.count(1)


def timed(call: Callable[..., object], arguments: Iterator[Any], count: int) -> Callable[[], list[float]]:
    """`call` of so many arguments, one after the other: milliseconds of each."""

    def measure() -> list[float]:
        taken = []
        for one in itertools.islice(arguments, count):
            began = time.perf_counter()
            call(one)
            taken.append((time.perf_counter() - began) * 1000)
        return taken

    return measure


def inserting(conn: Database, name: str, kind: str) -> Callable[[Sequence[float]], object]:
    """An INSERT of a row under the next key."""
    statement = insert(name, kind).as_string(conn)
    return lambda row: conn.execute(statement.encode(), (next(KEYS), *row))


def copying(conn: Database, name: str, kind: str) -> Callable[[Sequence[Sequence[float]]], object]:
    """A COPY of rows under the next keys."""

    def run(rows: Sequence[Sequence[float]]) -> None:
        keys = list(itertools.islice(KEYS, len(rows)))
        copy(conn, name, kind, rows, keys[0])

    return run


def asking(conn: Database, statement: sql.Composed) -> Callable[[Sequence[float]], object]:
    """A statement of one row's inputs."""
    text = statement.as_string(conn).encode()
    return lambda row: conn.execute(text, row).fetchall()


def first_inserts(where: Settings, name: str, kind: str, row: Sequence[float]) -> list[float]:
    """Milliseconds of the first INSERT of each of five sessions."""
    taken = []
    for _ in range(5):
        with connect(where) as conn:
            conn.execute("SELECT 1")
            taken += timed(inserting(conn, name, kind), iter([row]), 1)()
    return taken


def measure_case(where: Settings, name: str, options: argparse.Namespace, told: dict[str, str]) -> Taken:
    """All sides of one model, in turns."""
    values = sample(name, 1000)
    rows = values.tolist()
    row, batch, calls = itertools.cycle(rows), itertools.repeat(rows), options.calls
    with ExitStack() as stack:
        conn, off = (stack.enter_context(connect(where)) for _ in range(2))
        off.execute("SET synchronous_commit = off")
        mlflow, signed = (stack.enter_context(mlflow_server(name, signed=each)) for each in (False, True))
        app, nothing = stack.enter_context(fastapi(name))
        for server in (mlflow, signed, app):
            check(name, server, values)
        query = compiled(name).query("ours", probabilities=shares(name))
        ours = sql.SQL("WITH ours AS (SELECT {}) {}").format(one_row(name), sql.SQL(query))
        sides = {
            PLAIN: timed(inserting(conn, name, "plain"), row, calls),
            MODEL: timed(inserting(conn, name, ""), row, calls),
            PLAIN_OFF: timed(inserting(off, name, "plain"), row, calls),
            MODEL_OFF: timed(inserting(off, name, ""), row, calls),
            MLFLOW: timed(lambda one: mlflow([one]), row, calls // 4),
            SIGNED: timed(lambda one: signed([one]), row, calls // 4),
            FASTAPI: timed(lambda one: app([one]), row, calls // 4),
            EMPTY: timed(lambda one: nothing(), row, calls // 4),
            OURS: timed(asking(conn, ours), row, calls // 4),
            MANY[0]: timed(copying(conn, name, "plain"), batch, 3),
            MANY[1]: timed(copying(conn, name, ""), batch, 3),
            MANY[2]: timed(mlflow, batch, 3),
            MANY[3]: timed(signed, batch, 3),
            MANY[4]: timed(app, batch, 3),
        }
        if "sql" in told:
            sides[ORBITAL] = timed(asking(conn, of_one(told["sql"], name)), row, calls // 4)
        taken = in_turns(sides, options.turns, name)
    firsts = {
        FIRST_PLAIN: first_inserts(where, name, "plain", rows[0]),
        FIRST_MODEL: first_inserts(where, name, "", rows[0]),
    }
    return {**taken, **firsts}


def insert_lines(taken: dict[str, Taken]) -> list[str]:
    """Single INSERTs with and without the model."""
    columns = ["model", "plain, p50", "p99", "with the model, p50", "p99", "times plain"]
    columns += [
        "`off`: plain, p50",
        "p99",
        "with the model, p50",
        "p99",
        "times plain",
        "first of a session: plain",
        "with",
    ]
    rows = []
    for name, one in taken.items():
        cells = [*both(one[PLAIN]), *both(one[MODEL]), times(one[MODEL], one[PLAIN])]
        cells += [*both(one[PLAIN_OFF]), *both(one[MODEL_OFF]), times(one[MODEL_OFF], one[PLAIN_OFF])]
        rows.append([CASES[name].title, *cells, median(one[FIRST_PLAIN], 1), median(one[FIRST_MODEL], 1)])
    return table_of(columns, rows)


def server_lines(taken: dict[str, Taken]) -> list[str]:
    """A row a call; first what an INSERT takes, then each server, then how many times as long it takes as those."""
    columns = ["model", "INSERT with it, p50", "`off`, p50", "of which the model"]
    for server in (MLFLOW, SIGNED, FASTAPI):
        columns += [f"{server}: p50", "p99", "times an INSERT", "times, `off`", "times the model"]
    rows = []
    for name, one in taken.items():
        added = [statistics.median(one[MODEL_OFF]) - statistics.median(one[PLAIN_OFF])]
        cells = [median(each) for each in (one[MODEL], one[MODEL_OFF], added)]
        for server in (MLFLOW, SIGNED, FASTAPI):
            cells += [
                *both(one[server]),
                *(times(one[server], each, 1) for each in (one[MODEL], one[MODEL_OFF], added)),
            ]
        rows.append([CASES[name].title, *cells])
    nothing = [milliseconds for one in taken.values() for milliseconds in one[EMPTY]]
    return [*table_of(columns, rows), "", f"A call of the FastAPI app that does nothing takes {median(nothing)} ms."]


def many_lines(taken: dict[str, Taken]) -> list[str]:
    """1,000 rows a call."""
    rows = [[CASES[name].title, *(median(one[side], 1) for side in MANY)] for name, one in taken.items()]
    return table_of(["model", *MANY], rows)


def sql_lines(taken: dict[str, Taken], told: Orbital) -> list[str]:
    """A SELECT of one row."""
    rows = []
    for name, one in taken.items():
        theirs = both(one[ORBITAL]) if ORBITAL in one else [told[name]["error"], ""]
        rows.append([CASES[name].title, *both(one[OURS]), *theirs])
    return table_of(["model", "compiled expression, p50", "p99", "orbital, p50", "p99"], rows)


def lines(taken: dict[str, Taken], told: Orbital, commit: str, options: argparse.Namespace) -> list[str]:
    """All tables."""
    return [
        f"Milliseconds. {options.turns * options.calls:,} INSERTs and a fourth as many calls of every side, in turns. On the "
        f"server `synchronous_commit` is {commit}; the columns `off` have it off.",
        "",
        "## One INSERT of one row",
        *insert_lines(taken),
        "",
        "Aims: a tree within 2 times a plain INSERT; 20 trees of depth 5 under 0.3 ms.",
        "",
        "## A server, a row a call",
        *server_lines(taken),
        "",
        "`of which the model`: what it adds to an INSERT, the difference of the medians with `off`. Aim: 20 times faster than",
        "MLflow.",
        "",
        "## 1,000 rows a call",
        *many_lines(taken),
        "",
        "## SQL of one row, without an INSERT",
        *sql_lines(taken, told),
        "",
        "Made by `python benchmarks/in_database_rows.py`.",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--orbital-seconds", type=float, default=120)
    options = parser.parse_args(arguments)
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    where, names = settings(), options.cases.split(",")
    told = orbital(names, options.orbital_seconds)
    with tables(where, names) as conn:
        taken = {name: measure_case(where, name, options, told[name]) for name in names}
        ((commit,),) = conn.execute("SHOW synchronous_commit").fetchall()
    write("in_database_rows", "A prediction for one row", lines(taken, told, str(commit), options))


if __name__ == "__main__":
    main()
