"""Collects the figures that the decision to train rests on: what runs have read, and the errors of what was published."""

from collections.abc import Mapping
from math import isfinite

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.freshness.decide import Figures
from landfall.models.registry import ModelVersion
from landfall.spec import Partition, Pipeline

_TRIED = sql.SQL("""
SELECT (figures ->> 'new_partitions')::bigint FROM landfall.retraining_decisions
WHERE model = %s AND champion = %s AND run_id <> %s AND EXISTS (
    SELECT FROM jsonb_array_elements(fired) AS reason WHERE reason ->> 'kind' IN ('rows', 'partitions', 'drift', 'error')
) ORDER BY id DESC LIMIT 1""")
_ERRORS = sql.SQL("""
SELECT count(*), sqrt(sum(rows * rmse ^ 2) / sum(rows)), sum(rows * mae) / sum(rows) FROM (
    SELECT rows, rmse, mae FROM landfall.partition_errors
    WHERE model = %s AND version = %s AND rows > 0 ORDER BY partition DESC LIMIT %s
) newest""")


def collect(
    conn: Database,
    pipeline: Pipeline,
    champion: ModelVersion | None,
    read: Mapping[Partition, int],
    *,
    drift: Mapping[str, Mapping[str, float]] | None = None,
    scheduled: bool = False,
    by_hand: bool = False,
    run_id: str = "",
) -> Figures:
    """The figures of a pipeline as they are now.

    Args:
        conn: The predictions database.
        pipeline: The pipeline.
        champion: The version that serves; None before the first one.
        read: The partitions that a run has read -> the rows that were kept of each, at least one.
        drift: Feature -> statistic -> value, as the job that measures drift reports them.
        scheduled: Whether the schedule started this run.
        by_hand: Whether a person started this run.
        run_id: The run that asks. If it decides again, its own earlier decision does not count.

    Raises:
        PublishingError: the database cannot be asked.
    """
    training = pipeline.trained
    learnt = set(champion.snapshot.partitions) if champion and champion.snapshot else set()
    new = {partition: rows for partition, rows in read.items() if partition not in learnt}
    with explained(conn, f"What was tried to replace the champion of `{training.model}` is not known."):
        tried = fetch(conn, _TRIED, [training.model, champion.version, run_id]) if champion else []
    metric = error_metric(pipeline)
    count, published = (0, None) if champion is None else _published(conn, pipeline, champion, metric)
    return Figures(
        champion=champion.version if champion else None,
        until=str(champion.snapshot.last) if champion and champion.snapshot else "",
        new_rows=sum(new.values()),
        new_partitions=len(new),
        drift={
            (feature, statistic): value
            for feature, values in (drift or {}).items()
            for statistic, value in values.items()
        },
        published_error=published,
        gate_error=gate_error(champion, metric) if champion else None,
        error_partitions=count,
        since_tried=len(new) - int(str(tried[0][0])) if tried else None,
        scheduled=scheduled,
        by_hand=by_hand,
    )


def error_metric(pipeline: Pipeline) -> str:
    """The metric in which published errors are compared with the gate's: the gate's own if that is an error, else RMSE."""
    metric = pipeline.trained.freshness.gate.metric
    return metric if metric in ("rmse", "mae") else "rmse"


def gate_error(champion: ModelVersion, metric: str) -> float | None:
    """What the gate measured for the champion. If the gate never did, what its training measured; None if neither did."""
    for name in (f"gate_{metric}", f"holdout_{metric}"):
        value = champion.metrics.get(name)
        if value is not None and isfinite(value):
            return value
    return None


def _published(conn: Database, pipeline: Pipeline, champion: ModelVersion, metric: str) -> tuple[int, float | None]:
    """How many of the newest partitions have a measured error, at most as many as declared, and the error over all their rows."""
    bound = pipeline.trained.freshness.retraining.error
    if bound is None:
        return 0, None
    with explained(conn, f"The errors of what `{champion.name}` published are not known."):
        ((count, rmse, mae),) = fetch(conn, _ERRORS, [champion.name, champion.version, bound.partitions])
    value = rmse if metric == "rmse" else mae
    return int(str(count)), float(value) if isinstance(value, float) else None


def error_of(conn: Database, name: str, day: Partition) -> float | None:
    """RMSE of what was published for one day, in the label's unit, over all versions; None if it was not measured.

    Raises:
        PublishingError: the database cannot be asked.
    """
    query = sql.SQL("""SELECT sqrt(sum(rows * rmse ^ 2) / sum(rows)) FROM landfall.partition_errors
    WHERE model = %s AND partition = %s AND rows > 0""")
    with explained(conn, f"The error of what `{name}` published for {day} is not known."):
        ((value,),) = fetch(conn, query, [name, str(day)])
    return float(value) if isinstance(value, float) else None
