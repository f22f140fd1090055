"""Facts: everything that is known about one partition, from S3, the ledger, the publications and Airflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from landfall.publishing import Made
from landfall.spec import Feed, Partition


@dataclass(frozen=True)
class Refused:
    """Why what was read failed by its own fault, not a server's, and with which code and contract. With others it may pass."""

    why: str
    code: str
    contract: str


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a run read. `objects` is key -> ETag, and None while the run is still listing. `said` is why nothing came of it."""

    number: int
    run_id: str
    at: datetime
    objects: Mapping[str, str] | None
    rows: int | None = None
    quarantined: int | None = None
    said: str = ""
    refused: Refused | None = None


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The newest start that an audit decided on.

    Args:
        at: When the audit decided on it.
        restarts: How often in a row a run of the same input had been started again by then, because a server had made it fail.
        made_of: A digest of what was there: see `landfall.ledger.restarts`.
    """

    at: datetime
    restarts: int
    made_of: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A run as Airflow describes it.

    Args:
        run_id: Its name.
        state: queued, running, success or failed.
        ended_at: None until it has ended.
        held: Why the run goes on no further though it has not ended; empty if it goes on.
        paused: Whether a person has paused what holds the run, and can let it go on.
        bound: Whether the run has ended and would not start again if it were cleared, because its backfill is paused or was
            cancelled.
        backfill: The number of the backfill that the run belongs to; None if there is none, or if it is over.
        slots: How many runs of that backfill go on at the same time.
    """

    run_id: str
    state: str
    ended_at: datetime | None = None
    held: str = ""
    paused: bool = False
    bound: bool = False
    backfill: int | None = None
    slots: int = 0

    @property
    def active(self) -> bool:
        """True if it has not ended."""
        return self.state in ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One partition of one feed.

    Args:
        feed: The feed.
        partition: The partition.
        objects: Key -> ETag of the objects that are there now and count.
        lacks: What the partition still lacks to be ready, for a person; empty if it is ready.
        landed_at: When its newest object was written.
        read: The newest reading.
        made: What readers see.
        run: The run that is active, else the newest run.
        runs_known: False if Airflow could not be asked.
        dag_paused: Whether the feed's DAG is paused.
        claimed: The newest start that an audit decided on.
        joined: What the partition joins of other published tables, as it is now: see `JoinedNow.digests`.
        joined_at: Since when the newest of that is what readers see.
        predicted_at: When the predictions of this partition that readers see were published; only for a feed whose rows are held
            against predictions.
    """

    feed: Feed
    partition: Partition
    objects: Mapping[str, str] = field(default_factory=dict)
    lacks: str = "no object yet"
    landed_at: datetime | None = None
    read: Read | None = None
    made: Made | None = None
    run: Seen | None = None
    runs_known: bool = True
    dag_paused: bool = False
    claimed: Claimed | None = None
    predicted_at: datetime | None = None
    joined: Mapping[str, str] = field(default_factory=dict)
    joined_at: datetime | None = None

    @property
    def is_read(self) -> bool:
        """True if the newest reading is of what is there now."""
        return self.read is not None and self.read.objects == self.objects

    @property
    def is_unended(self) -> bool:
        """True if a run has read what is there now, but neither published it nor said why not. It goes on, or it failed."""
        read, made = self.read, self.made
        if read is None or not self.is_read or read.said or read.refused:
            return False
        return made is None or made.since < read.at

    @property
    def name(self) -> str:
        """What the command line calls the feed: `PIPELINE/FEED`."""
        return self.feed.full_name
