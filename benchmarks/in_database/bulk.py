"""What is measured of one model in bulk; every side gives rows per second."""

import itertools
import threading
import time
from dataclasses import dataclass

import numpy as np
from in_database.models import CASES, expected
from in_database.peers import over
from in_database.tables import KEY, SCHEMA, compiled, deploy_version, fill_source, shares, table
from psycopg import sql

from landfall.database import Database, connect
from landfall.deployments import TableName, rescore
from landfall.spec import Settings

ONE_PROCESS = "SET jit = off; SET max_parallel_workers_per_gather = 0"


@dataclass(frozen=True)
class Exact:
    """How many rows are as scikit-learn has them, bit for bit, and how far a probability is off at most."""

    predictions: int
    probabilities: int
    furthest: float


class Bulk:
    """The tables of one model, filled and emptied.

    Args:
        where: The database.
        conn: A connection to it.
        name: The case.
        rows: How many rows there are, before the case's share of them.
    """

    def __init__(self, where: Settings, conn: Database, name: str, rows: int) -> None:
        self.where, self.conn, self.name, self.version = where, conn, name, 1
        self.rows = max(1000, int(rows * CASES[name].share))
        self.values = fill_source(conn, name, self.rows)
        self.columns = sql.SQL(", ").join(map(sql.Identifier, CASES[name].columns))
        conn.execute(ONE_PROCESS.encode())

    def inserted(self, kind: str, connections: int) -> list[float]:
        """INSERT..SELECT into the emptied table, on so many connections at once, each its part of the source's blocks."""
        target = table(self.name, kind)
        self.conn.execute(sql.SQL("TRUNCATE {}").format(target))
        opened = [connect(self.where) for _ in range(connections)]
        at_work = [
            threading.Thread(target=connection.execute, args=(statement,))
            for connection, statement in zip(opened, self._parts(kind, connections), strict=True)
        ]
        began = time.perf_counter()
        for thread in at_work:
            thread.start()
        for thread in at_work:
            thread.join()
        taken = time.perf_counter() - began
        for connection in opened:
            connection.close()
        if self._number(sql.SQL("SELECT count(*) FROM {}").format(target)) != self.rows:
            raise SystemExit(f"rows are missing in `{self.name}`")
        return [self.rows / taken]

    def updated(self) -> list[float]:
        """A constant for every row of the table without a model."""
        target = table(self.name, "plain")
        return self.timed(sql.SQL("UPDATE {} SET prediction = NULL, model_version = '1'").format(target))

    def scored_again(self) -> list[float]:
        """The model as a new version, and every row scored in place."""
        self.version += 1
        deploy_version(self.conn, self.name, self.version)
        done = rescore(self.conn, TableName(SCHEMA, self.name))
        if done.rows != self.rows or not done.whole:
            raise SystemExit(f"`rescore` left rows of `{self.name}`: {done}")
        return [done.rows / done.seconds]

    def selected(self) -> list[float]:
        """Every output of the compiled expression, added up."""
        names = shares(self.name)
        query = sql.SQL(compiled(self.name).query(self._source, probabilities=names))
        return self.timed(_added(query, ["prediction", *names], sql.SQL(", count(reason)")))

    def by_orbital(self, statement: str) -> list[float]:
        """Every output of orbital's statement, added up."""
        query = over(statement, table(self.name, "source"))
        told = self.conn.execute(sql.SQL("{} LIMIT 0").format(query)).description or []
        return self.timed(_added(query, [column.name for column in told], sql.SQL("")))

    def timed(self, statement: sql.Composed) -> list[float]:
        """A statement that handles every row."""
        began = time.perf_counter()
        self.conn.execute(statement)
        return [self.rows / (time.perf_counter() - began)]

    def exact(self, side: str, rows: int, orbital: str = "") -> Exact:
        """The first rows of the source by `trigger`, `expression` or `orbital`, beside scikit-learn."""
        names = [sql.Identifier(name) for name in ("prediction", *shares(self.name))]
        told = sql.SQL(", ").join(names)
        if side == "trigger":
            query = sql.SQL("SELECT {} FROM {} ORDER BY {} LIMIT {}").format(
                told, table(self.name), sql.Identifier(KEY), rows
            )
        elif side == "expression":
            made = sql.SQL(compiled(self.name).query(self._source, [KEY], shares(self.name)))
            query = sql.SQL("SELECT {} FROM ({}) AS made ORDER BY {} LIMIT {}").format(
                told, made, sql.Identifier(KEY), rows
            )
        else:
            query = sql.SQL("{} LIMIT {}").format(over(orbital, table(self.name, "source")), rows)
        cursor = self.conn.execute(query)
        order = np.argsort([column.name != "output_label" for column in cursor.description or []], kind="stable")
        return self._compared(np.array(cursor.fetchall(), dtype=float)[:, order])

    def _compared(self, told: np.ndarray) -> Exact:
        predictions, probabilities = expected(self.name, self.values[: len(told)])
        same = (told[:, 1:] == probabilities).all(axis=1)
        furthest = np.abs(told[:, 1:] - probabilities).max(initial=0.0)
        return Exact(int((told[:, 0] == predictions).sum()), int(same.sum()), float(furthest))

    @property
    def _source(self) -> str:
        return table(self.name, "source").as_string(self.conn)

    def _parts(self, kind: str, count: int) -> list[sql.Composed]:
        blocks = self._number(sql.SQL("SELECT pg_relation_size({}) / 8192").format(sql.Literal(self._source)))
        edges = [blocks * part // count for part in range(count)] + [2**31]
        columns = sql.SQL("{}, {}").format(sql.Identifier(KEY), self.columns)
        statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} WHERE ctid >= {}::tid AND ctid < {}::tid")
        where = table(self.name, kind), columns, columns, table(self.name, "source")
        places = [sql.Literal(f"({edge},0)") for edge in edges]
        return [statement.format(*where, *pair) for pair in itertools.pairwise(places)]

    def _number(self, query: sql.Composed) -> int:
        return int(str(self.conn.execute(query).fetchone()[0]))  # type: ignore[index]


def _added(query: sql.Composable, columns: list[str], more: sql.SQL) -> sql.Composed:
    sums = sql.SQL(", ").join(sql.SQL("sum({})").format(sql.Identifier(name)) for name in columns)
    return sql.SQL("SELECT {}{} FROM ({}) AS told").format(sums, more, query)
