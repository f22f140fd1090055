"""Facts: all that is known of one partition, from S3, from the ledger, from the publications and from Airflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from landfall.spec import Feed, Partition


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a run read. `objects` is None while it is still listing; key -> ETag afterwards. `said`: why nothing came of it."""

    number: int
    run_id: str
    at: datetime
    objects: Mapping[str, str] | None
    rows: int | None = None
    quarantined: int | None = None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What readers see: the publication, and what it was made from."""

    publication: int
    objects: Mapping[str, str]
    code: str
    model: str
    contract: str
    rows: int
    published_at: datetime


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A run as Airflow tells it. `state` is queued, running, success or failed."""

    run_id: str
    state: str

    @property
    def active(self) -> bool:
        """True if it has not ended."""
        return self.state in ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One partition of one feed.

    Args:
        pipeline: Name of the pipeline.
        feed: The feed.
        partition: The partition.
        objects: Key -> ETag of the objects that are there now and count.
        lacks: What it still lacks to be ready, for a person; empty when it is ready.
        landed_at: When its newest object was written.
        read: The newest reading.
        made: What readers see.
        run: The run that is active, else the newest.
        runs_known: False if Airflow could not be asked.
        predicted_at: When the predictions that readers see of it were published; only for a feed that is held against them.
    """

    pipeline: str
    feed: Feed
    partition: Partition
    objects: Mapping[str, str] = field(default_factory=dict)
    lacks: str = "no object yet"
    landed_at: datetime | None = None
    read: Read | None = None
    made: Made | None = None
    run: Seen | None = None
    runs_known: bool = True
    predicted_at: datetime | None = None

    @property
    def name(self) -> str:
        """What the command line calls the feed: `PIPELINE/FEED`."""
        return f"{self.pipeline}/{self.feed.name}"
