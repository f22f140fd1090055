"""Reads a report: a handful of queries on the predictions database, in one read-only transaction."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from psycopg import sql

from landfall.database import Database, explained, fetch, run
from landfall.freshness.serving import remark_of
from landfall.reporting import cells
from landfall.reporting.facts import Decided, DriftValue, PartitionError, Promoted, Report
from landfall.reporting.feeds import read_feed
from landfall.spec import Partition, Pipeline

_PROMOTIONS = sql.SQL("""
SELECT id, version, replaced, at, kind, reason, by_run, report FROM landfall.promotions
WHERE model = %(model)s ORDER BY id DESC LIMIT 100""")
_FIRST_SERVED = sql.SQL("""
WITH reigns AS (SELECT id, version, at, lead(at) OVER (ORDER BY id) AS until FROM landfall.promotions
                WHERE model = %(model)s)
SELECT r.id, min(p.partition)::text FROM reigns r JOIN landfall.publications p
    ON p.model_version = r.version AND p.published_at >= r.at AND (r.until IS NULL OR p.published_at < r.until)
WHERE p.table_name = %(table)s GROUP BY r.id""")
_OTHER_ALIAS = sql.SQL("SELECT model, serving, version FROM landfall.other_aliases WHERE model = %(model)s")
_DECISIONS = sql.SQL("""
SELECT run_id, at, champion, fired, figures FROM landfall.retraining_decisions
WHERE model = %(model)s ORDER BY id DESC LIMIT 20""")
_DRIFT = sql.SQL("""
SELECT version, window_first::text, window_last::text, feature, statistic, value, above, rows FROM (
    SELECT *, dense_rank() OVER (ORDER BY window_last DESC) AS newest FROM landfall.drift WHERE model = %(model)s) d
WHERE newest <= %(limit)s ORDER BY window_last, at, version, feature, statistic""")
_ERRORS = sql.SQL("""
SELECT version, partition::text, rows, rmse, mae FROM (
    SELECT *, dense_rank() OVER (ORDER BY partition DESC) AS newest FROM landfall.partition_errors
    WHERE model = %(model)s) e
WHERE newest <= %(limit)s ORDER BY partition, version""")

Names = Mapping[str, object]
Parsed = TypeVar("Parsed")


def read_report(conn: Database, pipeline: Pipeline, *, now: datetime, limit: int = 365) -> Report:
    """Everything that a report says about one pipeline, at one moment. A table that does not exist yet counts as empty.

    The transaction is a snapshot, and a publish waits for it: so each query gives up after half a minute.

    Args:
        conn: The predictions database, in autocommit mode. Nothing is written.
        pipeline: The pipeline.
        now: The present (with time zone).
        limit: The most partitions (the newest ones) of each feed and of the errors, and the most windows of drift.

    Raises:
        PublishingError: the database does not answer.
    """
    names = {"model": pipeline.training.model, "table": pipeline.predictions.name, "limit": limit}
    with explained(conn, f"The report of `{pipeline.name}` could not be read."), conn.transaction():
        run(conn, sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        run(conn, sql.SQL("SET LOCAL statement_timeout = '30s'"))
        return Report(
            pipeline=pipeline,
            made_at=now,
            limit=limit,
            errors=_read(conn, ("partition_errors",), _ERRORS, names, _error),
            drift=_read(conn, ("drift",), _DRIFT, names, _drift),
            promotions=_promotions(conn, names),
            other_alias="".join(_read(conn, ("other_aliases",), _OTHER_ALIAS, names, _other_alias)),
            decisions=_read(conn, ("retraining_decisions",), _DECISIONS, names, _decision),
            feeds=tuple(read_feed(conn, pipeline, feed, limit) for feed in pipeline.feeds),
        )


def _read(
    conn: Database,
    tables: tuple[str, ...],
    query: sql.SQL,
    names: Names,
    value: Callable[[tuple[object, ...]], Parsed | None],
) -> tuple[Parsed, ...]:
    """The rows as values, without those that make no sense; empty if one of the tables does not exist."""
    if not all(cells.has_table(conn, name) for name in tables):
        return ()
    return tuple(parsed for row in fetch(conn, query, names) if (parsed := value(row)) is not None)


def _promotions(conn: Database, names: Names) -> tuple[Promoted, ...]:
    history = _read(conn, ("promotions",), _PROMOTIONS, names, _promotion)
    first = dict(_read(conn, ("promotions", "publications"), _FIRST_SERVED, names, _first_served))
    return tuple(replace(promoted, first=first.get(promoted.number)) for promoted in history)


def _first_served(row: tuple[object, ...]) -> tuple[int, Partition] | None:
    number, first = cells.whole(row[0]), cells.partition(row[1])
    return (number, first) if number is not None and first else None


def _promotion(row: tuple[object, ...]) -> Promoted | None:
    number, version, replaced, at, kind, reason, run_id, report = row
    when = cells.moment(at)
    if when is None:
        return None
    return Promoted(
        number=cells.whole(number) or 0,
        version=cells.text(version),
        replaced=None if replaced is None else cells.text(replaced),
        at=when,
        kind=cells.text(kind),
        reason=cells.text(reason),
        run=cells.text(run_id),
        figures=cells.figures(report),
    )


def _other_alias(row: tuple[object, ...]) -> str:
    model, serving, alias = row
    return remark_of(str(model), cells.text(serving) or None, cells.text(alias) or None)


def _decision(row: tuple[object, ...]) -> Decided | None:
    run_id, at, champion, fired, figures = row
    when = cells.moment(at)
    if when is None:
        return None
    return Decided(
        run=cells.text(run_id),
        at=when,
        champion=cells.text(champion),
        fired=cells.reasons(fired),
        figures=cells.figures(figures),
    )


def _drift(row: tuple[object, ...]) -> DriftValue | None:
    version, first, last, feature, statistic, value, above, rows = row
    low, high = cells.partition(first), cells.partition(last)
    if high is None:
        return None
    return DriftValue(
        version=cells.text(version),
        first=low or high,
        last=high,
        feature=cells.text(feature),
        statistic=cells.text(statistic),
        value=cells.real(value),
        above=cells.real(above),
        rows=cells.whole(rows) or 0,
    )


def _error(row: tuple[object, ...]) -> PartitionError | None:
    version, partition, rows, rmse, mae = row
    day = cells.partition(partition)
    if day is None:
        return None
    return PartitionError(
        version=cells.text(version),
        partition=day,
        rows=cells.whole(rows) or 0,
        rmse=cells.real(rmse),
        mae=cells.real(mae),
    )
