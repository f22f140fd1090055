"""Going through a large table in short transactions: so many rows at a time as a writer may have to wait for.

A statement is prepared once, before the first batch: a forest of 100 trees takes half a second, which no row has to wait for.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import tuple_row

from landfall.database import Database, fetch, run
from landfall.deployments.names import TableName

FIRST, LONGEST, WIDE, BLOCK = 1000, 0.2, 4096, 8192
"""Rows of the first batch; seconds that a batch should take; blocks that it looks at, at most; bytes of a block."""
RANGE, LIMIT = "ctid >= %(first)s::pg_catalog.tid AND ctid < %(last)s::pg_catalog.tid", "LIMIT %(limit)s"
"""The rows of one batch, in a statement."""
_PARTS = sql.SQL("""
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (c.oid = %(oid)s OR c.oid IN (SELECT relid FROM pg_partition_tree(%(oid)s::oid::regclass)))
  AND c.relkind = 'r' ORDER BY 1""")
_BLOCKS = sql.SQL("SELECT pg_relation_size(%s::oid::regclass)")
_PLAN = sql.SQL(
    "SET LOCAL landfall.rescoring = 'on'; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan; "
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
)
"""A batch is read in the order of places, and its rows are found again by theirs, never by reading the table whole."""


@dataclass(frozen=True)
class Part:
    """A table whose rows are its own: no partitioned one, but its parts. `table` is quoted."""

    oid: int
    table: str

    def blocks(self, conn: Database) -> int:
        """How many blocks it has now."""
        return int(str(fetch(conn, _BLOCKS, [self.oid])[0][0])) // BLOCK


def parts(conn: Database, oid: int) -> list[Part]:
    """The table itself, or its parts."""
    return [
        Part(int(str(each)), TableName(str(schema), str(name)).quoted)
        for each, schema, name in fetch(conn, _PARTS, {"oid": oid})
    ]


@dataclass
class Batches:
    """Runs a statement batch after batch; keeps count of what it took.

    The statement looks at the rows of a `RANGE`, locks at most `LIMIT` of them, and answers with how many those were, the
    place (ctid) of the last one as text, and whatever else.

    Args:
        conn: A connection of its own, in autocommit mode.
        before: Is called in each transaction first; what it raises ends it.
        after: Is given what else the statement has answered, still in the transaction.
    """

    conn: Database
    before: Callable[[], None]
    after: Callable[[tuple[object, ...]], None]
    count: int = 0
    slowest: float = 0.0
    limit: int = FIRST

    def over(self, statement: str, blocks: int) -> Iterator[int]:
        """Each batch of the first so many blocks of a table; gives how many blocks were looked at, behind each."""
        self._run(statement, "(0,0)", 0)
        first, block = "(0,0)", 0
        while block < blocks:
            end, asked, began = min(block + WIDE, blocks), self.limit, time.monotonic()
            rows, reached = self._run(statement, first, end)
            self._note(time.monotonic() - began)
            if rows < asked:
                first, block = f"({end},0)", end
            else:
                first, block = reached, int(reached.strip("(").partition(",")[0])
            yield block

    def _run(self, statement: str, first: str, end: int) -> tuple[int, str]:
        """How many rows a batch had, and the place of the last."""
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
    """A statement that is to have parameters: its own percent signs are doubled."""
    return statement.replace("%", "%%")


def counted(batch: str, place: str) -> str:
    """What a statement answers first: how many rows the batch had, the place of the last, how many were done."""
    rows = f"(SELECT pg_catalog.count(*) FROM {batch})"  # noqa: S608  (names are quoted)
    last = f"(SELECT pg_catalog.max({place})::pg_catalog.text FROM {batch})"  # noqa: S608
    return f"SELECT {rows}, {last}, pg_catalog.count(*)"
