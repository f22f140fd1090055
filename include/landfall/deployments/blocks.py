"""Going through a large table in short transactions: ranges of its blocks, each about as long as a writer may have to wait.

A statement is prepared once, before the first range: a forest of 100 trees takes half a second, which no batch has to wait for.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import tuple_row

from landfall.deployments.names import TableName
from landfall.publishing.database import Database, fetch, run

FIRST, LONGEST, BLOCK = 64, 0.2, 8192
"""Blocks of the first batch; seconds that a batch should take; bytes of a block."""
RANGE = "ctid >= %(first)s::tid AND ctid < %(last)s::tid"
"""The rows of one batch, in a statement."""
_LEAVES = sql.SQL("""
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (c.oid = %(oid)s OR c.oid IN (SELECT relid FROM pg_partition_tree(%(oid)s::oid::regclass)))
  AND c.relkind = 'r' ORDER BY 1""")
_BLOCKS = sql.SQL("SELECT pg_relation_size(%s::oid::regclass)")
_PLAN = sql.SQL(
    "SET LOCAL landfall.rescoring = 'on'; SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan; "
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)
"""A batch's rows are found again by their place; a table of 10 million rows would be read whole for each batch otherwise."""


@dataclass(frozen=True)
class Leaf:
    """A table whose rows are its own: no partitioned one, but its parts. `table` is quoted."""

    oid: int
    table: str

    def blocks(self, conn: Database) -> int:
        """How many blocks it has now."""
        return int(str(fetch(conn, _BLOCKS, [self.oid])[0][0])) // BLOCK


def leaves(conn: Database, oid: int) -> list[Leaf]:
    """The table itself, or its parts."""
    return [
        Leaf(int(str(each)), TableName(str(schema), str(name)).quoted)
        for each, schema, name in fetch(conn, _LEAVES, {"oid": oid})
    ]


@dataclass
class Batches:
    """Runs a statement over ranges of blocks; keeps count of what it took.

    Args:
        conn: A connection of its own, in autocommit mode.
        before: Is called in each transaction first; what it raises ends it.
        after: Is given the row that the statement has answered, still in the transaction.
    """

    conn: Database
    before: Callable[[], None]
    after: Callable[[tuple[object, ...]], None]
    done: int = 0
    count: int = 0
    slowest: float = 0.0
    size: int = FIRST

    def over(self, statement: str, first: int, last: int) -> Iterator[None]:
        """Each batch from block `first` up to, without, `last`; pauses behind each."""
        self._run(statement, 0, 0)
        while first < last:
            end = min(first + self.size, last)
            began = time.monotonic()
            self._run(statement, first, end)
            self._note(end - first, time.monotonic() - began)
            first = end
            yield

    def _run(self, statement: str, first: int, last: int) -> None:
        with self.conn.transaction(), self.conn.cursor(row_factory=tuple_row) as cursor:
            self.before()
            run(self.conn, _PLAN)
            place = {"first": f"({first},0)", "last": f"({last},0)"}
            [answered] = cursor.execute(statement.encode(), place, prepare=True)
            self.after(answered)

    def _note(self, blocks: int, took: float) -> None:
        self.count, self.done, self.slowest = self.count + 1, self.done + blocks, max(self.slowest, took)
        self.size = max(1, min(self.size * 2, int(self.size * LONGEST / max(took, 0.001))))


def escaped(statement: str) -> str:
    """A statement that is to have parameters: its own percent signs are doubled."""
    return statement.replace("%", "%%")
