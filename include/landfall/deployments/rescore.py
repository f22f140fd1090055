"""Score in place the rows that another version has scored, or none: batch by batch, each a short transaction.

A batch is a range of the table's blocks. Its rows are locked first, so that each is scored as it is, and a writer waits for one
batch at most. A row that a writer holds, or has moved behind the last block, is left for the next pass.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from landfall.deployments.deployment import PREDICTION, REASON, VERSION
from landfall.deployments.history import Deployed, current_scoring, deployed
from landfall.deployments.names import TableName, literal, quoted
from landfall.deployments.scoring import BATCH, ROW_ID, Scoring
from landfall.errors import DeploymentError
from landfall.publishing.database import Database, explained, fetch, require_idle, run

Progress = Callable[[int, int, int], None]
"""Is told blocks done, blocks there are, rows scored."""
FIRST, LONGEST, PASSES = 64, 0.2, 10
"""Blocks of the first batch; seconds that a batch should take; passes over the table, for what writers held in those before."""
BLOCK = 8192
COUNTED = "SELECT count(*), count(reason), min(reason) FROM done"
KEPT = "batches that were done stay done; asking again goes on with the others"
_LEAVES = sql.SQL("""
SELECT c.oid FROM pg_class c
WHERE (c.oid = %(oid)s OR c.oid IN (SELECT relid FROM pg_partition_tree(%(oid)s::oid::regclass)))
  AND c.relkind = 'r' ORDER BY 1""")
_NAME = sql.SQL(
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s"
)
_BLOCKS = sql.SQL("SELECT pg_relation_size(%s::oid::regclass)")
_SAME = sql.SQL("""
SELECT version FROM landfall.deployed_versions WHERE deployment_id = %s AND until IS NULL FOR SHARE""")
_PLAN = sql.SQL(
    "SET LOCAL landfall.rescoring = 'on'; SET LOCAL jit = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)
"""A batch's rows are found again by their place; a table of 10 million rows would be read whole for each batch otherwise."""


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """What was done.

    Args:
        table: The table.
        version: The version that has scored its rows.
        rows: How many, in this call.
        unscorable: Those of them that have a reason instead of a prediction.
        batches: In how many transactions.
        seconds: How long it took.
        slowest: Seconds of the slowest batch: the longest that a writer can have waited.
        whole: Whether no row is left that another version has scored; writers may hold some.
    """

    table: str
    version: str
    rows: int
    unscorable: int
    batches: int
    seconds: float
    slowest: float
    whole: bool


def rescore(conn: Database, name: TableName, *, progress: Progress | None = None) -> Rescored:
    """Scores the rows that the present version has not scored. Interrupted, it goes on where it was.

    Args:
        conn: A connection of its own, in autocommit mode, of the role that owns the table.
        name: The table.
        progress: Is told how far it is, after each batch.

    Raises:
        DeploymentError: nothing is deployed there; another version was meanwhile; a row cannot be scored and that is an
            error. Batches that were done stay done.
    """
    require_idle(conn)
    found = deployed(conn, name)
    with explained(conn, f"`{name}` could not be scored to its end.", left=KEPT, kind=DeploymentError):
        return _Rescoring(conn, found, current_scoring(conn, found.id), progress).run()


class _Rescoring:
    """One call, and what it has done so far."""

    def __init__(self, conn: Database, found: Deployed, scoring: Scoring, progress: Progress | None) -> None:
        self.conn, self.found, self.scoring, self.progress = conn, found, scoring, progress
        self.due = f"{quoted(VERSION)} IS DISTINCT FROM {literal(scoring.version)}"
        self.rows = self.unscorable = self.batches = self.done = self.blocks = 0
        self.slowest, self.size = 0.0, FIRST

    def run(self) -> Rescored:
        began = time.monotonic()
        leaves = {row[0]: self._length(row[0]) for row in fetch(self.conn, _LEAVES, {"oid": self.found.oid})}
        self.blocks = sum(leaves.values())
        left = [leaf for leaf, end in leaves.items() if not self._leaf(leaf, end)]
        return Rescored(
            table=str(self.found.table),
            version=self.scoring.version,
            rows=self.rows,
            unscorable=self.unscorable,
            batches=self.batches,
            seconds=round(time.monotonic() - began, 3),
            slowest=round(self.slowest, 3),
            whole=not left,
        )

    def _leaf(self, leaf: object, end: int) -> bool:
        """Whether no row of a table, or a part of one, is left that is due."""
        table = self._named(leaf)
        before, after = self._statement(table)
        remain = sql.SQL(f"SELECT EXISTS (SELECT FROM ONLY {table} WHERE {self.due})")  # noqa: S608  (quoted names)
        for number in range(PASSES):
            time.sleep(LONGEST if number else 0)
            first = 0
            while first < end:
                last = min(first + self.size, end)
                self._batch(f"{before}ctid >= '({first},0)'::tid AND ctid < '({last},0)'::tid{after}", last - first)
                first = last
            if fetch(self.conn, remain) == [(False,)]:
                return True
            end = self._length(leaf)
        return False

    def _batch(self, statement: str, blocks: int) -> None:
        began = time.monotonic()
        with self.conn.transaction():
            if fetch(self.conn, _SAME, [self.found.id]) != [(self.scoring.version,)]:
                raise self._stopped(f"`{self.found.table}` is not scored by version {self.scoring.version} any more.")
            run(self.conn, _PLAN)
            scored, refused, why = fetch(self.conn, sql.SQL(statement))[0]
            if refused and self.scoring.unscorable == "error":
                raise self._stopped(f"{refused} rows of a batch of `{self.found.table}` cannot be scored: {why}.")
        took = time.monotonic() - began
        self.rows, self.unscorable = self.rows + int(str(scored)), self.unscorable + int(str(refused))
        self.batches, self.slowest, self.done = self.batches + 1, max(self.slowest, took), self.done + blocks
        self.size = max(1, min(self.size * 2, int(self.size * LONGEST / max(took, 0.001))))
        if self.progress:
            self.progress(min(self.done, self.blocks), self.blocks, self.rows)

    def _stopped(self, what: str) -> DeploymentError:
        return DeploymentError(
            what, looked=f"after {self.rows:,} rows", left=KEPT, next=f"landfall rescore {self.found.table}"
        )

    def _statement(self, table: str) -> tuple[str, str]:
        """What stands before and behind the range of a batch; it gives rows scored, those that could not be, and why one."""
        batch, row, scoring = quoted(BATCH), quoted(ROW_ID), self.scoring
        inputs = ", ".join([f"ctid AS {row}", *map(quoted, scoring.inputs)])
        sets = {PREDICTION: "s.prediction", **{name: f"s.{quoted(name)}" for name in scoring.probabilities}}
        sets |= {REASON: "s.reason"} if REASON in self.found.filled else {}
        sets |= {name: "NULL" for name in self.found.filled if name not in sets}
        sets[VERSION] = literal(scoring.version)
        given = ", ".join(f"{quoted(name)} = {value}" for name, value in sets.items())
        read = f"SELECT {inputs} FROM ONLY {table} WHERE {self.due} AND "  # noqa: S608  (names are quoted)
        update = f"UPDATE ONLY {table} t SET {given} FROM scored s WHERE t.ctid = s.{row} RETURNING s.reason"  # noqa: S608
        return (
            f"WITH {batch} AS MATERIALIZED ({read}",
            f" FOR NO KEY UPDATE SKIP LOCKED), scored AS MATERIALIZED ({scoring.query}), done AS ({update}) {COUNTED}",
        )

    def _named(self, leaf: object) -> str:
        schema, table = fetch(self.conn, _NAME, [leaf])[0]
        return TableName(str(schema), str(table)).quoted

    def _length(self, leaf: object) -> int:
        return int(str(fetch(self.conn, _BLOCKS, [leaf])[0][0])) // BLOCK
