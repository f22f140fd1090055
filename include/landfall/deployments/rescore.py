"""Scores rows in place that another version has scored, or none. Each batch of rows is one short transaction.

The rows of a batch are locked first. So each is scored with the values that it has, and a writer waits for one batch at most. A
row that a writer holds, or has moved behind the last block, is left to the next pass. If another table feeds this one, the
source rows that have no row here yet are fed first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, explained, fetch, require_idle
from landfall.deployments.blocks import LIMIT, LONGEST, RANGE, Batches, BlockPart, counted, escaped, parts
from landfall.deployments.chain import feed_present
from landfall.deployments.history import Deployed, current_scoring, deployed, hold_version
from landfall.deployments.names import TableName, literal, quoted
from landfall.deployments.scoring import BATCH, ROW_ID, Scoring
from landfall.deployments.version import PREDICTION, REASON, VERSION
from landfall.errors import DeploymentError

ShowProgress = Callable[[int, int, int], None]
"""A function that is called with the blocks done, the blocks in all, and the rows scored."""
PASSES = 10
"""The most passes over a table. Each takes the rows that writers held during the one before."""
KEPT = "batches that were done stay done; asking again goes on with the others"
IN_BULK = "one SELECT"
"""How many rows are scored together, in words. It is the same for every model; `Deployed.for_a_row` depends on the model."""


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """What one call of `rescore` has done.

    Args:
        table: The table.
        version: The version that has scored its rows.
        rows: The number of rows scored by this call.
        unscorable: The number of them that have a reason instead of a prediction.
        fed: The number of rows inserted now for source rows that were there before the chain.
        batches: The number of transactions.
        seconds: The seconds that the call took.
        slowest: The seconds of the slowest batch: no writer can have waited longer.
        whole: True if no row is left that another version, or none, has scored. False if writers still hold some.
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


def rescore(conn: Database, name: TableName, *, progress: ShowProgress | None = None) -> Rescored:
    """Scores the rows that the present version has not scored. After an interruption, the next call goes on where it stopped.

    Args:
        conn: A connection of its own, in autocommit mode, of the role that owns the table.
        name: The table.
        progress: Called after each batch.

    Raises:
        DeploymentError: nothing is deployed to the table; another version was deployed meanwhile; or a row cannot be scored and
            the deployment's `unscorable` is `error`. Batches that were done stay done.
    """
    require_idle(conn)
    deployment = deployed(conn, name)
    with explained(conn, f"`{name}` could not be scored to its end.", left=KEPT, kind=DeploymentError):
        began = time.monotonic()
        fed = feed_present(conn, deployment)
        return _Rescoring(conn, deployment, current_scoring(conn, deployment.id), progress).run(began, fed)


class _Rescoring:
    """One call of `rescore`, and the number of rows that it has scored so far."""

    def __init__(self, conn: Database, deployment: Deployed, scoring: Scoring, progress: ShowProgress | None) -> None:
        self.conn, self.deployment, self.scoring, self.progress = conn, deployment, scoring, progress
        self.due = f"{quoted(VERSION)} IS DISTINCT FROM {literal(scoring.version)}"
        self.rows = self.unscorable = 0
        self.batches = Batches(conn, self._check, self._count)

    def run(self, began: float, fed: int) -> Rescored:
        blocks = {part: part.blocks(self.conn) for part in parts(self.conn, self.deployment.oid)}
        before, whole = 0, True
        for part, end in blocks.items():
            whole &= self._part(part, end, self._telling(before, sum(blocks.values())))
            before += end
        return Rescored(
            table=str(self.deployment.table),
            version=self.scoring.version,
            rows=self.rows,
            unscorable=self.unscorable,
            fed=fed,
            batches=self.batches.count,
            seconds=round(time.monotonic() - began, 3),
            slowest=round(self.batches.slowest, 3),
            whole=whole,
        )

    def _part(self, part: BlockPart, end: int, tell: Callable[[int], None]) -> bool:
        """Scores the rows of a table or of one of its parts. True if no row that is due is left."""
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

    def _telling(self, before: int, total: int) -> Callable[[int], None]:
        """A function that shows the progress in one part of the table.

        Args:
            before: The number of blocks in the parts before it.
            total: The number of blocks of the whole table.
        """

        def tell(done: int) -> None:
            if self.progress:
                self.progress(min(before + done, total), total, self.rows)

        return tell

    def _check(self) -> None:
        if hold_version(self.conn, self.deployment.id) != self.scoring.version:
            raise self._stopped(f"`{self.deployment.table}` is not scored by version {self.scoring.version} any more.")

    def _count(self, columns: tuple[object, ...]) -> None:
        scored, refused, why = columns
        if refused and self.scoring.unscorable == "error":
            raise self._stopped(f"{refused} rows of a batch of `{self.deployment.table}` cannot be scored: {why}.")
        self.rows, self.unscorable = self.rows + int(str(scored)), self.unscorable + int(str(refused))

    def _stopped(self, what: str) -> DeploymentError:
        return DeploymentError(
            what, looked=f"after {self.rows:,} rows", left=KEPT, next=f"landfall rescore {self.deployment.table}"
        )

    def _statement(self, table: str) -> str:
        """The statement of one batch. It answers with the rows handled, how many of them got a reason, and one such reason."""
        batch, row, scoring = quoted(BATCH), quoted(ROW_ID), self.scoring
        inputs = ", ".join([f"ctid AS {row}", *map(quoted, scoring.inputs)])
        sets = {PREDICTION: "s.prediction", **{name: f"s.{quoted(name)}" for name in scoring.probabilities}}
        sets |= {REASON: "s.reason"} if REASON in self.deployment.filled else {}
        sets |= {name: "NULL" for name in self.deployment.filled if name not in sets}
        sets[VERSION] = literal(scoring.version)
        given = ", ".join(f"{quoted(name)} = {value}" for name, value in sets.items())
        read = escaped(f"SELECT {inputs} FROM ONLY {table} WHERE {self.due} AND ")  # noqa: S608  (names are quoted)
        update = f"UPDATE ONLY {table} t SET {given} FROM scored s WHERE t.ctid = s.{row} RETURNING s.reason"  # noqa: S608
        count = f"{counted(batch, row)}, pg_catalog.count(reason), pg_catalog.min(reason) FROM done"
        scored = escaped(f"scored AS MATERIALIZED ({scoring.query}), done AS ({update}) {count}")
        return f"WITH {batch} AS MATERIALIZED ({read}{RANGE} {LIMIT} FOR NO KEY UPDATE SKIP LOCKED), {scored}"
