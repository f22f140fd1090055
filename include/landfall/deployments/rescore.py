"""Score in place the rows that another version has scored, or none: batch by batch, each a short transaction.

The rows of a batch are locked first, so that each is scored as it is, and a writer waits for one batch at most. A row that a
writer holds, or has moved behind the last block, is left for the next pass. Of a table that is fed, the rows of its source
that have none in it yet are fed first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, explained, fetch, require_idle
from landfall.deployments.blocks import LIMIT, LONGEST, RANGE, Batches, Part, counted, escaped, parts
from landfall.deployments.chain import feed_present
from landfall.deployments.history import Deployed, current_scoring, deployed, hold_version
from landfall.deployments.names import TableName, literal, quoted
from landfall.deployments.scoring import BATCH, ROW_ID, Scoring
from landfall.deployments.version import PREDICTION, REASON, VERSION
from landfall.errors import DeploymentError

Progress = Callable[[int, int, int], None]
"""Is told blocks done, blocks there are, rows scored."""
PASSES = 10
"""Passes over the table, for what writers held in those before."""
KEPT = "batches that were done stay done; asking again goes on with the others"
IN_BULK = "one SELECT"
"""How many rows are scored at once, in words: the same way whatever the model, while `for_a_row` depends on it."""


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """What was done.

    Args:
        table: The table.
        version: The version that has scored its rows.
        rows: How many, in this call.
        unscorable: Those of them that have a reason instead of a prediction.
        fed: Rows that its source had before it fed the table, and that were inserted now.
        batches: In how many transactions.
        seconds: How long it took.
        slowest: Seconds of the slowest batch: the longest that a writer can have waited.
        whole: Whether no row is left that another version has scored; writers may hold some.
    """

    table: str
    version: str
    rows: int
    unscorable: int
    fed: int
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
        began = time.monotonic()
        fed = feed_present(conn, found)
        return _Rescoring(conn, found, current_scoring(conn, found.id), progress).run(began, fed)


class _Rescoring:
    """One call, and what it has done so far."""

    def __init__(self, conn: Database, found: Deployed, scoring: Scoring, progress: Progress | None) -> None:
        self.conn, self.found, self.scoring, self.progress = conn, found, scoring, progress
        self.due = f"{quoted(VERSION)} IS DISTINCT FROM {literal(scoring.version)}"
        self.rows = self.unscorable = 0
        self.batches = Batches(conn, self._check, self._count)

    def run(self, began: float, fed: int) -> Rescored:
        there = {part: part.blocks(self.conn) for part in parts(self.conn, self.found.oid)}
        before, whole = 0, True
        for part, end in there.items():
            whole &= self._part(part, end, self._telling(before, sum(there.values())))
            before += end
        return Rescored(
            table=str(self.found.table),
            version=self.scoring.version,
            rows=self.rows,
            unscorable=self.unscorable,
            fed=fed,
            batches=self.batches.count,
            seconds=round(time.monotonic() - began, 3),
            slowest=round(self.batches.slowest, 3),
            whole=whole,
        )

    def _part(self, part: Part, end: int, tell: Callable[[int], None]) -> bool:
        """Whether no row of a table, or a part of one, is left that is due."""
        statement = self._statement(part.table)
        remain = sql.SQL(f"SELECT EXISTS (SELECT FROM ONLY {part.table} WHERE {self.due})")  # noqa: S608  (quoted names)
        for number in range(PASSES):
            time.sleep(LONGEST if number else 0)
            for done in self.batches.over(statement, end):
                tell(done if number == 0 else end)
            if fetch(self.conn, remain) == [(False,)]:
                return True
            end = part.blocks(self.conn)
        return False

    def _telling(self, before: int, of: int) -> Callable[[int], None]:
        """Who is told how far it is, in a part of the table that has so many blocks before it."""

        def tell(done: int) -> None:
            if self.progress:
                self.progress(min(before + done, of), of, self.rows)

        return tell

    def _check(self) -> None:
        if hold_version(self.conn, self.found.id) != self.scoring.version:
            raise self._stopped(f"`{self.found.table}` is not scored by version {self.scoring.version} any more.")

    def _count(self, answered: tuple[object, ...]) -> None:
        scored, refused, why = answered
        if refused and self.scoring.unscorable == "error":
            raise self._stopped(f"{refused} rows of a batch of `{self.found.table}` cannot be scored: {why}.")
        self.rows, self.unscorable = self.rows + int(str(scored)), self.unscorable + int(str(refused))

    def _stopped(self, what: str) -> DeploymentError:
        return DeploymentError(
            what, looked=f"after {self.rows:,} rows", left=KEPT, next=f"landfall rescore {self.found.table}"
        )

    def _statement(self, table: str) -> str:
        """One batch; it gives rows scored, those that could not be, and why one of them."""
        batch, row, scoring = quoted(BATCH), quoted(ROW_ID), self.scoring
        inputs = ", ".join([f"ctid AS {row}", *map(quoted, scoring.inputs)])
        sets = {PREDICTION: "s.prediction", **{name: f"s.{quoted(name)}" for name in scoring.probabilities}}
        sets |= {REASON: "s.reason"} if REASON in self.found.filled else {}
        sets |= {name: "NULL" for name in self.found.filled if name not in sets}
        sets[VERSION] = literal(scoring.version)
        given = ", ".join(f"{quoted(name)} = {value}" for name, value in sets.items())
        read = escaped(f"SELECT {inputs} FROM ONLY {table} WHERE {self.due} AND ")  # noqa: S608  (names are quoted)
        update = f"UPDATE ONLY {table} t SET {given} FROM scored s WHERE t.ctid = s.{row} RETURNING s.reason"  # noqa: S608
        count = f"{counted(batch, row)}, pg_catalog.count(reason), pg_catalog.min(reason) FROM done"
        scored = escaped(f"scored AS MATERIALIZED ({scoring.query}), done AS ({update}) {count}")
        return f"WITH {batch} AS MATERIALIZED ({read}{RANGE} {LIMIT} FOR NO KEY UPDATE SKIP LOCKED), {scored}"
