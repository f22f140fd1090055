"""Goes through a large table in short transactions. A batch is so small that a writer can wait for its end.

A statement is prepared once, before the first batch: for a forest of 100 trees that takes half a second. No writer has to wait
for it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import tuple_row

from landfall.database import Database, fetch, run
from landfall.deployments.names import TableName

FIRST, LONGEST, WIDE, BLOCK = 1000, 0.2, 4096, 8192
"""The rows of the first batch, the seconds that a batch should take, the most blocks it looks at, and the bytes of a block."""
RANGE, LIMIT = "ctid >= %(first)s::pg_catalog.tid AND ctid < %(last)s::pg_catalog.tid", "LIMIT %(limit)s"
"""The parts of a statement that limit it to the rows of one batch."""
_PARTS = sql.SQL("""
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (c.oid = %(oid)s OR c.oid IN (SELECT relid FROM pg_partition_tree(%(oid)s::oid::regclass)))
  AND c.relkind = 'r' ORDER BY 1""")
_BLOCKS = sql.SQL("SELECT pg_relation_size(%s::oid::regclass)")
_PLAN = sql.SQL(
    "SET LOCAL landfall.rescoring = 'on'; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan; "
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
)
"""Settings of a batch's transaction. With them PostgreSQL reads a batch in the order of the rows' places (ctid) and finds each
row again by its place. It never reads the whole table."""


@dataclass(frozen=True)
class BlockPart:
    """A table that stores rows itself: an ordinary table, or one part of a partitioned table. `table` is its quoted name."""

    oid: int
    table: str

    def blocks(self, conn: Database) -> int:
        """The number of blocks that it has now."""
        return int(str(fetch(conn, _BLOCKS, [self.oid])[0][0])) // BLOCK


def parts(conn: Database, oid: int) -> list[BlockPart]:
    """The table itself, or, if it is partitioned, its parts."""
    return [
        BlockPart(int(str(number)), TableName(str(schema), str(name)).quoted)
        for number, schema, name in fetch(conn, _PARTS, {"oid": oid})
    ]


@dataclass
class Batches:
    """Runs a statement batch after batch, and notes how many batches there were and how long the slowest took.

    The statement looks at the rows of a `RANGE` and locks at most `LIMIT` of them. Its answer is one row: the number of rows
    that it locked, the place (ctid) of the last one as text, and any further columns.

    Args:
        conn: A connection of its own, in autocommit mode.
        before: Called first in each transaction. An error that it raises ends the transaction.
        after: Called with the further columns of the answer, still in the transaction.
        count: The number of batches that were run.
        slowest: The seconds that the slowest batch took.
        limit: The number of rows of the next batch, at most.
    """

    conn: Database
    before: Callable[[], None]
    after: Callable[[tuple[object, ...]], None]
    count: int = 0
    slowest: float = 0.0
    limit: int = FIRST

    def over(self, statement: str, blocks: int) -> Iterator[int]:
        """Runs the batches of the first `blocks` blocks of a table. Yields the number of blocks done, after each batch."""
        self._run(statement, "(0,0)", 0)
        first, block = "(0,0)", 0
        while block < blocks:
            end, limit, began = min(block + WIDE, blocks), self.limit, time.monotonic()
            rows, reached = self._run(statement, first, end)
            self._note(time.monotonic() - began)
            if rows < limit:
                first, block = f"({end},0)", end
            else:
                first, block = reached, int(reached.strip("(").partition(",")[0])
            yield block

    def _run(self, statement: str, first: str, end: int) -> tuple[int, str]:
        """Runs one batch in a transaction. Gives the number of its rows, and the place of the last."""
        with self.conn.transaction(), self.conn.cursor(row_factory=tuple_row) as cursor:
            self.before()
            run(self.conn, _PLAN)
            place = {"first": first, "last": f"({end},0)", "limit": self.limit}
            [(rows, reached, *more)] = cursor.execute(statement.encode(), place, prepare=True)
            self.after(tuple(more))
        return int(str(rows)), str(reached)

    def _note(self, took: float) -> None:
        self.count, self.slowest = self.count + 1, max(self.slowest, took)
        self.limit = max(100, min(self.limit * 2, int(self.limit * LONGEST / max(took, 0.001)), 200_000))


def escaped(statement: str) -> str:
    """The statement with its own percent signs doubled, so that it may be given parameters."""
    return statement.replace("%", "%%")


def counted(batch: str, place: str) -> str:
    """The beginning of a batch's answer: the number of its rows, the place of the last, and the number of rows in FROM."""
    rows = f"(SELECT pg_catalog.count(*) FROM {batch})"  # noqa: S608  (names are quoted)
    last = f"(SELECT pg_catalog.max({place})::pg_catalog.text FROM {batch})"  # noqa: S608
    return f"SELECT {rows}, {last}, pg_catalog.count(*)"
