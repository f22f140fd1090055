"""Reading a report: what the other rooms know of one pipeline, in one read-only transaction."""

from collections.abc import Iterator
from datetime import datetime

from psycopg import sql

from landfall.database import Database, explained, run
from landfall.freshness import history, measured, other_aliases
from landfall.publishing import first_partitions
from landfall.reporting import cells
from landfall.reporting.facts import Decided, Promoted, Report
from landfall.reporting.feeds import read_feed
from landfall.spec import Pipeline

PROMOTIONS, DECISIONS = 100, 20
"""How many of the newest a report has."""


def read_report(conn: Database, pipeline: Pipeline, *, now: datetime, limit: int = 365) -> Report:
    """Everything that is told of one pipeline, as of one moment.

    The transaction is a snapshot, and a publish waits for it: so each query gives up after half a minute.

    Args:
        conn: The predictions database, in autocommit mode. Nothing is written.
        pipeline: The pipeline.
        now: The present (with time zone).
        limit: The most partitions (the newest ones) of each feed and of the errors, and the most windows of drift.

    Raises:
        PublishingError: the database does not answer.
    """
    model = pipeline.training.model if pipeline.training else ""
    with explained(conn, f"The report of `{pipeline.name}` could not be read."), conn.transaction():
        run(conn, sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        run(conn, sql.SQL("SET LOCAL statement_timeout = '30s'"))
        errors, drift = measured.errors(conn, model, limit), measured.drift(conn, model, limit)
        return Report(
            pipeline=pipeline,
            made_at=now,
            limit=limit,
            errors=tuple(error for error in errors if cells.is_usual(error.partition)),
            drift=tuple(value for value in drift if cells.is_usual(value.last)),
            promotions=tuple(_promotions(conn, pipeline, model)),
            other_alias="".join(other_aliases(conn, [model])) if model else "",
            decisions=tuple(
                Decided(
                    run=decision.run_id,
                    at=decision.at,
                    champion=decision.champion or "",
                    fired=cells.reasons(decision.fired),
                    figures=cells.figures(decision.figures),
                )
                for decision in measured.decisions(conn, model, DECISIONS)
            ),
            feeds=tuple(read_feed(conn, pipeline, feed, limit, now) for feed in pipeline.feeds),
        )


def _promotions(conn: Database, pipeline: Pipeline, model: str) -> Iterator[Promoted]:
    """The newest changes of the champion, newest first, each with the first partition that was published while it served."""
    changes = history(conn, model, PROMOTIONS)
    ends = [None, *(change.at for change in changes)]
    reigns = [(change.version, change.at, end) for change, end in zip(changes, ends, strict=False)]
    for change, first in zip(changes, first_partitions(conn, pipeline.table, reigns), strict=True):
        yield Promoted(
            number=change.id,
            version=change.version or "",
            replaced=change.replaced,
            at=change.at,
            kind=change.kind,
            reason=change.reason,
            run=change.by_run,
            figures=cells.figures(change.report),
            first=first,
        )
