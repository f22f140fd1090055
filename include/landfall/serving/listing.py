"""How a table is listed in `GET /v1/tables`: its columns, and how fresh it is."""

from datetime import UTC, datetime, timedelta

from landfall.database.statements import plain
from landfall.serving.answers import Json
from landfall.serving.deployed import DeployedTable
from landfall.serving.known import Freshness
from landfall.serving.streams import StreamTable
from landfall.serving.tables import Served


def listed(served: Served, known: Freshness) -> Json:
    """A table as callers see it in the list."""
    newest = known.newest.get(served.name)
    return {
        "name": served.name,
        "key": {name: served.table.columns[name] for name in served.table.key},
        "values": {name: served.table.columns[name] for name in served.values},
        "model": served.model or None,
        "newest": newest and {name: _plain(value) for name, value in vars(newest).items()},
        "stale": sorted(partition for table, partition in known.stale if table == served.name),
        "late": known.late.get(served.name, []),
        "live": _live(served, known),
    }


def _live(served: Served, known: Freshness) -> Json | None:
    """How a table without partitions stands: its stream, or the version that scores its rows."""
    if isinstance(served, DeployedTable):
        return {"model_version": served.version, "since": plain(served.since)}
    if not isinstance(served, StreamTable):
        return None
    standing = known.streams.get(served.stream.name)
    if standing is None:
        return {"stream": served.stream.name, "state": "never started"}
    return {
        "stream": served.stream.name,
        "state": standing.word(datetime.now(UTC)),
        "model_version": standing.model_version or None,
        "newest_time": plain(standing.newest_time),
        "lag_rows": standing.lag_rows,
        "lag_seconds": standing.lag_seconds,
    }


def _plain(value: object) -> object:
    return value.total_seconds() if isinstance(value, timedelta) else plain(value)
