"""Declares the reasons to train again (`Retraining`), and what a challenger must show before it serves (`Gate`)."""

from dataclasses import dataclass, field
from typing import Literal

from landfall.errors import SpecError

Statistic = Literal["psi", "ks"]
BETTER_BY = {"rmse": "less", "mae": "less", "r2": "more", "accuracy": "more", "f1": "more", "silhouette": "more"}
"""Metric -> whether `less` or `more` of it is better. The first three are for regression, the next two for classification, the
last for clustering."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A bound on how far a feature's newest values may differ from the values that the champion learnt from.

    Args:
        feature: A numeric column of the feature table.
        above: The largest value of the statistic that is no reason to train again.
        statistic: `psi`, the population stability index over ten buckets (0.1 is a small shift, 0.25 a large one), or
            `ks`, the two-sample Kolmogorov-Smirnov statistic (0 to 1).
    """

    feature: str
    above: float
    statistic: Statistic = "psi"

    def __post_init__(self) -> None:
        if self.statistic not in ("psi", "ks"):
            raise SpecError.unknown("statistic of drift", self.statistic, ["psi", "ks"])
        if self.above <= 0 or (self.statistic == "ks" and self.above >= 1):
            raise SpecError(
                f"Drift.above of `{self.feature}` is {self.above}.",
                looked="expected more than 0" + (" and less than 1" if self.statistic == "ks" else ""),
            )


@dataclass(frozen=True, kw_only=True)
class ErrorBound:
    """A bound on the error of published predictions, compared with the error that the champion's gate measured.

    Args:
        above: The largest factor between the two errors that is no reason to train again.
        partitions: The number of newest partitions with actuals over which the error is taken. With fewer it is no reason.
    """

    above: float = 1.5
    partitions: int = 7

    def __post_init__(self) -> None:
        if self.above <= 0 or self.partitions < 1:
            raise SpecError(
                f"ErrorBound is {self.above} over {self.partitions} partitions.",
                looked="expected a factor over 0 and at least one partition",
            )


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """The reasons to train a pipeline's model again. Each is enough; None or empty means that it is no reason.

    Args:
        schedule: CRON text, or a preset such as `@weekly`.
        new_rows: The smallest number of rows outside the champion's training snapshot that is a reason.
        new_partitions: The smallest number of partitions outside that snapshot that is a reason.
        drift: The features that may not drift, with their bounds.
        error: The bound on the error of published predictions.
        window: The number of newest partitions over which drift is computed.
        patience: The number of new partitions to wait after rows, partitions, drift or error were a reason and the challenger
            was refused. Until then none of these four is a reason: training on nearly the same rows again gives nearly the same
            model.
    """

    schedule: str | None = "@weekly"
    new_rows: int | None = None
    new_partitions: int | None = None
    drift: tuple[Drift, ...] = ()
    error: ErrorBound | None = None
    window: int = 14
    patience: int = 7

    def __post_init__(self) -> None:
        for name, value in (("new_rows", self.new_rows), ("new_partitions", self.new_partitions)):
            if value is not None and value < 1:
                raise SpecError(f"Retraining.{name} is {value}.", looked="expected 1 or more, or None")
        if self.window < 1:
            raise SpecError(f"Retraining.window is {self.window}.", looked="expected 1 or more partitions")
        if self.patience < 0:
            raise SpecError(f"Retraining.patience is {self.patience}.", looked="expected 0 or more partitions")
        if not (self.schedule or self.new_rows or self.new_partitions or self.drift or self.error):
            raise SpecError("Retraining has no reason.", looked="expected at least one, such as schedule='@weekly'")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a challenger must show on the newest held-out partitions, which neither it nor the champion has learnt from.

    Args:
        metric: The metric that decides; see `BETTER_BY`.
        margin: The challenger must be better than the champion by this share of the champion's metric. If it is negative, the
            challenger may be worse by that share: for cases where newer is worth more than better.
        slices: The columns whose values divide the rows into slices. The metric is also taken for each slice.
        worst_slice: In no slice may the challenger's error be more than this factor times the champion's.
        slice_rows: The smallest number of rows of a slice that counts.
        lowest: The smallest sane prediction; None: no bound.
        highest: The largest sane prediction; None: no bound.
        milliseconds: The longest time that scoring 1,000 rows may take; None: no bound.
    """

    metric: str = "rmse"
    margin: float = 0.0
    slices: tuple[str, ...] = ()
    worst_slice: float = 1.25
    slice_rows: int = 24
    lowest: float | None = None
    highest: float | None = None
    milliseconds: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in BETTER_BY:
            raise SpecError.unknown("metric", self.metric, list(BETTER_BY))
        if not -1 < self.margin < 1:
            raise SpecError(f"Gate.margin is {self.margin}.", looked="expected a share between -1 and 1")
        if self.worst_slice <= 0:
            raise SpecError(f"Gate.worst_slice is {self.worst_slice}.", looked="expected a factor over 0")
        if self.lowest is not None and self.highest is not None and self.lowest > self.highest:
            raise SpecError("Gate has an empty range of predictions.", looked=f"{self.lowest} > {self.highest}")


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What happens after a challenger has passed its gate.

    Args:
        approval: True if a person must approve it first, in the Airflow UI.
        rescore: The most published partitions that the new champion scores again: the newest of those that still lie ahead.
    """

    approval: bool = False
    rescore: int = 2

    def __post_init__(self) -> None:
        if self.rescore < 0:
            raise SpecError(f"Promotion.rescore is {self.rescore}.", looked="expected 0 or more partitions")


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How a pipeline's model is kept fresh: when it is trained again, what a challenger must show, and what follows."""

    retraining: Retraining = field(default_factory=Retraining)
    gate: Gate = field(default_factory=Gate)
    promotion: Promotion = field(default_factory=Promotion)
