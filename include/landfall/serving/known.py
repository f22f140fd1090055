"""What the service knows of its tables at one moment: which partitions are stale, how far each stream has read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SILENT = timedelta(seconds=20)
"""A stream that runs gives a sign of life each second: one that has given none for so long has no process."""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest partition of a table that readers see, and since when.

    Args:
        partition: Its name.
        publication: The number of its publication.
        rows: Its rows.
        model_version: The version of the model that predicted it.
        published_at: When the publication was first swapped in.
        landing_delay: How long after its objects had landed readers saw it first; None if that is not known.
    """

    partition: str
    publication: int
    rows: int
    model_version: str
    published_at: datetime
    landing_delay: timedelta | None


@dataclass(frozen=True)
class ReadTo:
    """How far a stream has read in a partition: the next offset, and the newest time of a row before it, if there was one."""

    next_offset: int
    newest_time: datetime | None


@dataclass(frozen=True, kw_only=True)
class StreamStanding:
    """How a stream stands.

    Args:
        state: `starting`, `running`, `failing` or `stopped`, as the process that drives the stream wrote it down.
        heartbeat: Its last sign of life.
        model_version: The version that scores.
        lag_rows: The messages that it has not read.
        lag_seconds: How old the oldest message of its last batch was.
        places: Topic and partition -> how far it has read.
    """

    state: str
    heartbeat: datetime | None
    model_version: str
    lag_rows: int
    lag_seconds: float
    places: Mapping[tuple[str, int], ReadTo]

    @property
    def newest_time(self) -> datetime | None:
        """The time up to which all partitions that have had rows were read; None if none has had any."""
        return min((place.newest_time for place in self.places.values() if place.newest_time), default=None)

    def word(self, now: datetime) -> str:
        """The state; `silent` if the process that drives the stream has given no sign of life for a while."""
        quiet = self.heartbeat is None or now - self.heartbeat > SILENT
        return "silent" if quiet and self.state in ("starting", "running") else self.state


@dataclass(frozen=True)
class Freshness:
    """What is known of all tables at one moment.

    Args:
        at: The moment.
        stale: (Name of a served table, name of a partition) -> the reason why its publication is stale.
        late: Name of a served table -> the partitions that are late.
        newest: Name of a served table -> its newest partition.
        streams: Name of a stream that was started before -> how it stands.
    """

    at: datetime | None
    stale: Mapping[tuple[str, str], str]
    late: Mapping[str, list[str]]
    newest: Mapping[str, Newest]
    streams: Mapping[str, StreamStanding] = field(default_factory=dict)


UNKNOWN = Freshness(None, {}, {}, {})
