"""How a pipeline is doing, derived from its report: what serves, how large its error is, what drifts, what is late."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from landfall.freshness.measured import DriftValue, PartitionError
from landfall.reporting import cells
from landfall.reporting.facts import FeedFacts, PartitionLife, Report
from landfall.spec import Partition
from landfall.spec.partition import LAST_DAY

NEWEST = 14
"""The number of newest partitions for which the share of quarantined rows is shown."""
WEEK = 7
"""The number of newest partitions for which the error is shown, if no bound declares it."""


@dataclass(frozen=True, kw_only=True)
class ErrorNow:
    """The error of the serving version over its newest partitions, compared with the error that its gate measured.

    Args:
        metric: rmse or mae.
        version: The version.
        partitions: The number of partitions that were measured.
        wanted: The number of partitions that the declaration asks for.
        value: The error.
        gate: The error that the gate measured; None if unknown.
        above: The declared factor; None if none is declared.
    """

    metric: str
    version: str
    partitions: int
    wanted: int
    value: float
    gate: float | None
    above: float | None

    @property
    def bound(self) -> float | None:
        """The largest error that is no reason to retrain; None if it is unknown or not declared."""
        return self.gate * self.above if self.gate is not None and self.above is not None else None

    @property
    def over(self) -> bool:
        """True if the error is over its bound, measured over as many partitions as declared."""
        return self.bound is not None and self.value > self.bound and self.partitions >= self.wanted


@dataclass(frozen=True, kw_only=True)
class FeedNow:
    """How fresh one feed is.

    Args:
        name: `PIPELINE/FEED`.
        newest: The newest partition that readers see; None if nothing is published.
        unpublished: How many partitions landed and were never published.
        next: The partition after the newest that landed, and when it should land; None if nothing has landed.
        overdue: True if that time has passed.
    """

    name: str
    newest: PartitionLife | None
    unpublished: int
    next: tuple[Partition, datetime] | None
    overdue: bool


def serving_version(report: Report) -> str | None:
    """The serving version by the history, else the one that made the newest predictions; None if both are unknown."""
    if report.serving:
        return report.serving.version
    table = report.pipeline.table
    lives = [life for facts in report.feeds if facts.feed.table == table for life in facts.published]
    newest = max(lives, key=lambda life: life.published_at or report.made_at, default=None)
    return newest.version if newest and newest.version else None


def gate_error(report: Report, version: str) -> float | None:
    """The error of a version before it served: measured by its gate, else as noted by a decision on retraining."""
    for promoted in report.promotions:
        measured = promoted.figures.get(f"challenger {report.metric}")
        if promoted.version == version and isinstance(measured, (int, float)):
            return float(measured)
    for decided in report.decisions:
        measured = decided.figures.get("gate_error")
        if decided.champion == version and isinstance(measured, (int, float)):
            return float(measured)
    return None


def pooled(errors: list[PartitionError], metric: str) -> float | None:
    """The error over all rows of several partitions: the root of the mean square for rmse, the mean for mae."""
    measured = [
        (error.rows, value) for error in errors if (value := error.metric(metric)) is not None and error.rows > 0
    ]
    rows = sum(count for count, _ in measured)
    if not rows:
        return None
    if metric == "mae":
        return sum(count * value for count, value in measured) / rows
    largest = max(abs(value) for _, value in measured) or 1.0  # taken out, so that no square overflows
    return largest * math.sqrt(sum(count * (value / largest) ** 2 for count, value in measured) / rows)


def error_now(report: Report) -> ErrorNow | None:
    """The error of the serving version; None if none of its predictions has met its actuals."""
    version, bound = serving_version(report), report.bound
    if version is None:
        return None
    declared = bound.partitions if bound else WEEK
    newest = [error for error in report.errors if error.version == version][-declared:]
    value = pooled(newest, report.metric)
    if value is None:
        return None
    return ErrorNow(
        metric=report.metric,
        version=version,
        partitions=len(newest),
        wanted=declared,
        value=value,
        gate=gate_error(report, version),
        above=bound.above if bound else None,
    )


def drift_now(report: Report) -> tuple[DriftValue, ...]:
    """The drift of the newest measured window: first the features nearest to their bounds, then those without a bound."""
    return tuple(sorted(newest_window(report.drift), key=_nearness, reverse=True))


def newest_window(values: Sequence[DriftValue]) -> list[DriftValue]:
    """The values of the newest window of the newest version, of values that are ordered oldest first."""
    return [value for value in values if (value.last, value.version) == (values[-1].last, values[-1].version)]


def _nearness(drift: DriftValue) -> tuple[bool, float]:
    value = math.inf if drift.value is None else drift.value
    return drift.above is not None, value / drift.above if drift.above else value


def feed_now(report: Report, facts: FeedFacts) -> FeedNow:
    """How fresh one feed is."""
    coming = _next(facts)
    return FeedNow(
        name=facts.feed.full_name,
        newest=facts.published[-1] if facts.published else None,
        unpublished=len(facts.unpublished),
        next=coming,
        overdue=bool(coming and coming[1] < report.made_at),
    )


def _next(facts: FeedFacts) -> tuple[Partition, datetime] | None:
    """The partition after the newest that landed, and when it should land; None if there is none."""
    if not facts.lives:
        return None
    landing, newest = facts.feed.landing, facts.lives[-1].partition
    if newest.day == LAST_DAY:
        return None
    after = landing.calendar.holding(landing.calendar.window(newest)[1])
    return after, cells.due(landing, after)


def rows_now(report: Report) -> tuple[int, int]:
    """Kept and quarantined rows of the newest partitions of all feeds."""
    newest = [life for facts in report.feeds for life in facts.lives[-NEWEST:]]
    return sum(life.rows or 0 for life in newest), sum(life.quarantined or 0 for life in newest)


def broken_contracts(report: Report) -> int:
    """The number of newest partitions in which more rows were quarantined than their contract allows."""
    return sum(
        1
        for facts in report.feeds
        for life in facts.lives[-NEWEST:]
        if (life.quarantined or 0) > facts.feed.contract.max_bad_share * ((life.rows or 0) + (life.quarantined or 0))
    )


def late_landings(facts: FeedFacts) -> int:
    """How many of the feed's partitions landed after they were due."""
    return sum(1 for life in facts.lives if (life.landing_delay or timedelta(0)) > timedelta(0))
