"""The content of a report: values read from the predictions database, beside the pipeline's declaration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from landfall.freshness.measured import DriftValue, PartitionError
from landfall.ledger import Standing
from landfall.spec import ErrorBound, Feed, Partition, Pipeline


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """One row of the history of promotions.

    Args:
        number: Its number in the history.
        version: The version that serves from then on; empty: none, the alias was removed.
        replaced: The version that served before.
        at: When it happened.
        kind: promoted, rolled back or noticed.
        reason: Why, for a person.
        run: The run or person that did it.
        figures: The gate's figures, by name, such as `challenger rmse`.
        first: The first partition that was published while it served; None if there was none.
    """

    number: int
    version: str
    replaced: str | None
    at: datetime
    kind: str
    reason: str
    run: str
    figures: Mapping[str, object] = field(default_factory=dict)
    first: Partition | None = None


@dataclass(frozen=True, kw_only=True)
class Decided:
    """One decision on retraining: the reasons that applied (empty: nothing was trained), and its figures."""

    run: str
    at: datetime
    champion: str
    fired: tuple[str, ...]
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PartitionLife:
    """One partition of one feed, from its landing to what readers see.

    Args:
        partition: The partition.
        due: When it should have landed: its deadline, else its end.
        landed_at: When the newest object of its first publication was written; without a publication, the newest object there.
        first_published_at: When it was first published.
        published_at: When the rows that readers see now were swapped in.
        version: The model version of the rows that readers see now; empty without a model.
        published_rows: How many rows readers see now.
        rows: Rows that the contract kept, in the newest reading with a verdict.
        quarantined: Rows that the contract did not keep, in the same reading.
    """

    partition: Partition
    due: datetime
    landed_at: datetime | None = None
    first_published_at: datetime | None = None
    published_at: datetime | None = None
    version: str = ""
    published_rows: int | None = None
    rows: int | None = None
    quarantined: int | None = None

    @property
    def is_pending(self) -> bool:
        """True if it landed and was never published."""
        return self.landed_at is not None and self.first_published_at is None

    @property
    def landing_delay(self) -> timedelta | None:
        """The time from when it was due until it landed; negative if it landed before."""
        return self.landed_at - self.due if self.landed_at else None

    @property
    def publishing_delay(self) -> timedelta | None:
        """The time from its landing to its first publication."""
        if not self.landed_at or not self.first_published_at:
            return None
        return self.first_published_at - self.landed_at


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """A partition whose deadline has passed, and of which nothing has landed since."""

    partition: Partition
    due: datetime
    lacks: str


@dataclass(frozen=True, kw_only=True)
class FeedFacts:
    """One feed: its newest partitions, oldest first, and its overdue partitions, newest first."""

    feed: Feed
    lives: tuple[PartitionLife, ...] = ()
    overdue: tuple[Overdue, ...] = ()
    standings: Mapping[Partition, Standing] = field(default_factory=dict)
    """Where each partition stands that landed and was never published, by what the ledger knows, as `landfall status` says it."""

    @property
    def published(self) -> tuple[PartitionLife, ...]:
        """The partitions that readers see."""
        return tuple(life for life in self.lives if life.published_at)

    @property
    def unpublished(self) -> tuple[PartitionLife, ...]:
        """The partitions that landed, were never published, and still are to be: those skipped on purpose are left out."""
        return tuple(life for life in self.lives if life.is_pending and not self._is_skipped(life.partition))

    def _is_skipped(self, partition: Partition) -> bool:
        standing = self.standings.get(partition)
        return standing is not None and standing.state == "skipped"


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a report says about one pipeline. Sequences are oldest first; `promotions` and `decisions` newest first.

    Args:
        pipeline: The declaration.
        made_at: When the report was read.
        limit: The most partitions that were asked for.
        errors: One for each partition and version.
        drift: One for each version, window, feature and statistic.
        promotions: The newest hundred of the history.
        other_alias: A remark about a champion that was set in MLflow itself and is not used; empty if there is none.
        decisions: The newest twenty decisions on retraining.
        feeds: In the order in which they are declared.
    """

    pipeline: Pipeline
    made_at: datetime
    limit: int
    errors: tuple[PartitionError, ...] = ()
    drift: tuple[DriftValue, ...] = ()
    promotions: tuple[Promoted, ...] = ()
    other_alias: str = ""
    decisions: tuple[Decided, ...] = ()
    feeds: tuple[FeedFacts, ...] = ()

    @property
    def metric(self) -> str:
        """The error that is shown: the gate's metric if partitions are measured by it, else rmse."""
        metric = self.pipeline.training.freshness.gate.metric if self.pipeline.training else ""
        return metric if metric in ("rmse", "mae") else "rmse"

    @property
    def bound(self) -> ErrorBound | None:
        """The declared bound of the error; None if there is none."""
        return self.pipeline.training.freshness.retraining.error if self.pipeline.training else None

    @property
    def serving(self) -> Promoted | None:
        """The newest promotion or rollback. A version that was only noticed in MLflow does not serve."""
        return next((promoted for promoted in self.promotions if promoted.version and promoted.kind != "noticed"), None)
