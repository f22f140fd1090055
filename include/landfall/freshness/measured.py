"""Reads back what was measured and decided about a model: errors of what it published, drift, decisions on training."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from landfall.database import Database, explained, fetch_as
from landfall.errors import SpecError
from landfall.spec import Partition


@dataclass(frozen=True, kw_only=True)
class PartitionError:
    """How far off the published predictions of one partition were. A number that is not finite is None."""

    version: str
    partition: Partition
    rows: int
    rmse: float | None
    mae: float | None

    def metric(self, name: str) -> float | None:
        """The error called `name`: rmse or mae."""
        return self.mae if name == "mae" else self.rmse


@dataclass(frozen=True, kw_only=True)
class DriftValue:
    """How much one feature in one window differs from what a version has learnt from. `above` is the declared bound."""

    version: str
    first: Partition
    last: Partition
    feature: str
    statistic: str
    value: float | None
    above: float | None
    rows: int

    @property
    def name(self) -> str:
        """What a person calls it: `temp (psi)`."""
        return f"{self.feature} ({self.statistic})"

    @property
    def over(self) -> bool:
        """True if the value is over its declared bound. With a bound, a value that is no number counts as over it."""
        return self.above is not None and (self.value is None or self.value > self.above)


@dataclass(frozen=True, kw_only=True)
class RecordedDecision:
    """One decision on training, as it was written down. `fired` are the reasons that held; none if training was skipped."""

    run_id: str
    at: datetime
    champion: str | None
    fired: list[Mapping[str, object]]
    figures: Mapping[str, object]


_DECISIONS = sql.SQL("""
SELECT run_id, at, champion, fired, figures FROM landfall.retraining_decisions
WHERE model = %s ORDER BY id DESC LIMIT %s""")
_DRIFT = sql.SQL("""
SELECT version, window_first, window_last, feature, statistic, CASE WHEN abs(value) < 'Infinity' THEN value END AS value,
       CASE WHEN abs(above) < 'Infinity' THEN above END AS above, rows
FROM (SELECT *, dense_rank() OVER (ORDER BY window_last DESC) AS newest FROM landfall.drift WHERE model = %s) d
WHERE newest <= %s ORDER BY window_last, at, version, feature, statistic""")
_ERRORS = sql.SQL("""
SELECT version, partition AS name, rows, CASE WHEN rmse < 'Infinity' THEN rmse END AS rmse,
       CASE WHEN mae < 'Infinity' THEN mae END AS mae
FROM (SELECT *, dense_rank() OVER (ORDER BY partition DESC) AS newest FROM landfall.partition_errors WHERE model = %s) e
WHERE newest <= %s ORDER BY name, version""")


def decisions(conn: Database, model: str, limit: int) -> list[RecordedDecision]:
    """The newest decisions on training a model, newest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"Whether to train `{model}` was decided before is not known."):
        return fetch_as(conn, RecordedDecision, _DECISIONS, [model, limit])


def drift(conn: Database, model: str, limit: int) -> list[DriftValue]:
    """The drift of the newest `limit` windows from what any version of a model learnt from, oldest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"The drift since `{model}` was trained could not be read."):
        return [value for value in fetch_as(conn, _drift, _DRIFT, [model, limit]) if value]


def errors(conn: Database, model: str, limit: int) -> list[PartitionError]:
    """The errors of the newest `limit` partitions that any versions of a model published, oldest first.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"The errors of what `{model}` published are not known."):
        return [error for error in fetch_as(conn, _error, _ERRORS, [model, limit]) if error]


def _drift(*, window_first: str, window_last: str, **columns: Any) -> DriftValue | None:
    """None for a window that no calendar has: somebody else has written the line."""
    try:
        return DriftValue(first=Partition.parse(window_first), last=Partition.parse(window_last), **columns)
    except SpecError:
        return None


def _error(*, name: str, **columns: Any) -> PartitionError | None:
    """None for a partition that no calendar has."""
    try:
        return PartitionError(partition=Partition.parse(name), **columns)
    except SpecError:
        return None
