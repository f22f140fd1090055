"""Chooses the partitions over which the drift of features is measured, and reads what was measured before."""

from collections.abc import Collection, Mapping

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.models.registry import ModelVersion
from landfall.spec import Partition, Partitions, Training

Drifts = Mapping[str, Mapping[str, float]]
"""Feature -> statistic -> value."""

_MEASURED = sql.SQL("""
SELECT feature, statistic, value FROM landfall.drift
WHERE model = %s AND version = %s AND window_first = %s AND window_last = %s""")


def newest_window(training: Training, champion: ModelVersion, read: Collection[Partition]) -> Partitions:
    """The newest partitions with features, as many as declared; none if the champion has learnt from all of them.

    Args:
        training: The declared training.
        champion: The version that serves.
        read: The partitions that a run has read and of which rows were kept. The partitions of the champion's snapshot are
            added to them.
    """
    wanted = training.freshness.retraining.window
    learnt = set(champion.snapshot.partitions) if champion.snapshot else set()
    newest = set(sorted(read)[-wanted:])
    if newest <= learnt:
        return Partitions.of(())
    return Partitions.of(sorted(newest | learnt)[-wanted:])


def measured_drift(conn: Database, champion: ModelVersion, window: Partitions) -> Drifts:
    """The drift between `window` and what `champion` has learnt from, as it was measured before; empty if it was not.

    Raises:
        PublishingError: the database cannot be asked.
    """
    first, last = str(window.days[0]), str(window.days[-1])
    drifts: dict[str, dict[str, float]] = {}
    with explained(conn, f"The drift since `{champion.name}` was trained could not be read."):
        for feature, statistic, value in fetch(conn, _MEASURED, [champion.name, champion.version, first, last]):
            drifts.setdefault(str(feature), {})[str(statistic)] = float(str(value))
    return drifts
