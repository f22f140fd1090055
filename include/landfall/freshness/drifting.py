"""Which partitions the drift of features is measured over, and what was measured before."""

from collections.abc import Mapping

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.freshness.schema import ensure_freshness
from landfall.models.registry import ModelVersion
from landfall.spec import Partition, Partitions, Pipeline

Drifts = Mapping[str, Mapping[str, float]]
"""Feature -> statistic -> value."""

_READ = sql.SQL("""
SELECT partition FROM (
    SELECT DISTINCT ON (partition) partition, rows FROM landfall.readings
    WHERE feed = %s AND rows IS NOT NULL ORDER BY partition, id DESC
) latest WHERE rows > 0 ORDER BY partition DESC LIMIT %s""")
_MEASURED = sql.SQL("""
SELECT feature, statistic, value FROM landfall.drift
WHERE model = %s AND version = %s AND window_first = %s AND window_last = %s""")


def newest_window(conn: Database, pipeline: Pipeline, champion: ModelVersion) -> Partitions:
    """The newest partitions with features, as many as declared; none while the champion has learnt from all of them.

    Those that a run has read, and those of the champion's snapshot.

    Raises:
        PublishingError: the database cannot be asked.
    """
    training = pipeline.training
    wanted = training.freshness.retraining.window
    learnt = set(champion.snapshot.partitions) if champion.snapshot else set()
    with explained(conn, f"What is new since `{training.model}` was trained is not known."):
        rows = fetch(conn, _READ, [training.feed.full_name, wanted])
    read = {Partition.parse(str(day)) for (day,) in rows}
    if read <= learnt:
        return Partitions.of(())
    return Partitions.of(sorted(read | learnt)[-wanted:])


def measured_drift(conn: Database, champion: ModelVersion, window: Partitions) -> Drifts:
    """The drift that was measured over `window` against `champion` before; nothing if it was not.

    Raises:
        PublishingError: the database cannot be asked.
    """
    ensure_freshness(conn)
    first, last = window.days[0].day, window.days[-1].day
    found: dict[str, dict[str, float]] = {}
    with explained(conn, f"The drift since `{champion.name}` was trained could not be read."):
        for feature, statistic, value in fetch(conn, _MEASURED, [champion.name, champion.version, first, last]):
            found.setdefault(str(feature), {})[str(statistic)] = float(str(value))
    return found
