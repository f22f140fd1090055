"""10,000,000 rows scored again in place while writers insert and change rows of the same table.

    python benchmarks/in_database_rescore.py [--rows 10000000] [--case iris] [--idle 60]

Needs a running stack (`landfall up`, or the LANDFALL_* variables of another) and some 5 GB of disk for 10,000,000 rows of iris.
The rows are inserted through the trigger, then the model is deployed as version 2 and `rescore` runs. Two writers, a connection
each, have a statement every 10 ms: one INSERTs a row, the other changes an input of a row chosen at random, which is scored
again by the trigger. They write for `--idle` seconds before, to the same table while nothing else runs, and all through the
rescore. Every row must have been scored by version 2 at the end, and a sample of them as scikit-learn does.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psycopg import sql

sys.path.insert(0, str(Path(__file__).parent))
from in_database.models import CASES, fitted
from in_database.rendering import both, table_of
from in_database.tables import KEY, SCHEMA, deploy_version, fill_source, table, tables
from in_database.writers import PACE, Waits, writing
from report import write

from landfall.database import Database
from landfall.deployments import Rescored, TableName, rescore
from landfall.spec import Settings
from landfall.stack import environment, settings

SOURCE = 100_000
"""Rows that are generated; the table has them over and over, under keys of their own."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was seen."""

    filled: float
    idle: Waits
    meanwhile: Waits
    done: Rescored
    before: int
    after: int


def fill(conn: Database, name: str, rows: int) -> float:
    """The table with its rows, scored by version 1; rows per second."""
    fill_source(conn, name, min(rows, SOURCE))
    columns = sql.SQL(", ").join(map(sql.Identifier, CASES[name].columns))
    statement = sql.SQL("INSERT INTO {} ({}, {}) SELECT {} + {}, {} FROM {} WHERE {} + {} <= {}")
    key, began = sql.Identifier(KEY), time.perf_counter()
    for start in range(0, rows, SOURCE):
        into = table(name), key, columns, key, start, columns, table(name, "source"), key, start, rows
        conn.execute(statement.format(*into))
        print(f"\r{min(start + SOURCE, rows):,} rows are there", end="", flush=True)
    print()
    taken = time.perf_counter() - began
    conn.execute(sql.SQL("VACUUM (ANALYZE) {}").format(table(name)))
    return rows / taken


def measure(where: Settings, conn: Database, name: str, rows: int, idle: float) -> Measured:
    """The writers alone, then beside the rescore."""
    filled, before = fill(conn, name, rows), size(conn, name)
    with writing(where, name, rows, rows + 1) as alone:
        time.sleep(idle)
    deploy_version(conn, name, 2)
    with writing(where, name, rows, 2 * rows + 1_000_000) as meanwhile:
        done = rescore(conn, TableName(SCHEMA, name), progress=tell)
    print()
    check(conn, name)
    return Measured(filled=filled, idle=alone, meanwhile=meanwhile, done=done, before=before, after=size(conn, name))


def tell(done: int, blocks: int, rows: int) -> None:
    print(f"\r{done / max(1, blocks):.0%}, {rows:,} rows scored", end="", flush=True)


def size(conn: Database, name: str) -> int:
    """Bytes of the table, with its index."""
    told = conn.execute(sql.SQL("SELECT pg_total_relation_size({})").format(sql.Literal(table(name).as_string(conn))))
    return int(str(told.fetchone()[0]))  # type: ignore[index]


def check(conn: Database, name: str) -> None:
    """Ends the benchmark if a row is left, or is not as scikit-learn has it."""
    left = conn.execute(
        sql.SQL("SELECT count(*) FROM {} WHERE model_version <> '2' OR model_version IS NULL").format(table(name))
    ).fetchone()
    columns = sql.SQL(", ").join(map(sql.Identifier, CASES[name].columns))
    sampled = sql.SQL("SELECT prediction, {} FROM {} TABLESAMPLE SYSTEM (1) REPEATABLE (7) LIMIT 10000")
    told = np.array(conn.execute(sampled.format(columns, table(name))).fetchall(), dtype=float)
    if left != (0,) or (len(told) and not np.array_equal(fitted(name).predict(told[:, 1:]), told[:, 0])):
        raise SystemExit(f"{left} rows were not scored by version 2, or a row is not as scikit-learn has it")


def lines(name: str, rows: int, seen: Measured) -> list[str]:
    """The tables."""
    done = seen.done
    facts = [
        ["rows scored again", f"{done.rows:,}"],
        ["seconds", f"{done.seconds:,.1f}"],
        ["rows a second", f"{done.rows / done.seconds:,.0f}"],
        ["batches", f"{done.batches:,}"],
        ["slowest batch, s", f"{done.slowest:.3f}"],
        ["table and index, GB, before and after", f"{seen.before / 1e9:.2f} and {seen.after / 1e9:.2f}"],
        ["rows a second when they were inserted", f"{seen.filled:,.0f}"],
    ]
    writers = [
        [what, f"{len(waits):,}", *both(waits), f"{max(waits):.1f}"]
        for what, waits in (
            ("INSERT, nothing else runs", seen.idle.inserts),
            ("INSERT, meanwhile", seen.meanwhile.inserts),
            ("UPDATE, nothing else runs", seen.idle.updates),
            ("UPDATE, meanwhile", seen.meanwhile.updates),
        )
        if waits
    ]
    return [
        f"{CASES[name].title}; {rows:,} rows; every writer has a statement each {PACE * 1000:.0f} ms.",
        *table_of(["", ""], facts),
        *table_of(["one row, by a writer", "statements", "p50, ms", "p99, ms", "slowest, ms"], writers),
        "",
        "Made by `python benchmarks/in_database_rescore.py`.",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--case", choices=list(CASES), default="iris")
    parser.add_argument("--idle", type=float, default=60)
    options = parser.parse_args(arguments)
    os.environ.update({name: value for name, value in environment().items() if name not in os.environ})
    where = settings()
    with tables(where, [options.case]) as conn:
        seen = measure(where, conn, options.case, options.rows, options.idle)
    write("in_database_rescore", f"{options.rows:,} rows scored again", lines(options.case, options.rows, seen))


if __name__ == "__main__":
    main()
