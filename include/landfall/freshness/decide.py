"""Decides whether to train again, from figures alone: it asks no server and reads no clock."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from landfall.spec import Retraining


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What is known when the decision is made.

    Args:
        champion: The version that serves; None before the first one.
        until: The last partition that the champion has learnt from; empty if that is not known.
        new_rows: Rows that are not in the champion's snapshot.
        new_partitions: Partitions that are not in the champion's snapshot.
        drift: (feature, statistic) -> value, of the newest window compared with the snapshot.
        published_error: Error of what the champion published, over the newest partitions with actuals; None if there are none.
        gate_error: The same metric on the partitions that were held out when the champion was promoted; None if it was never
            measured.
        error_partitions: Number of partitions that `published_error` covers.
        since_tried: New partitions since data was last a reason to replace this champion. It stayed champion all the same.
            None if data never was a reason.
        scheduled: Whether the schedule started this run.
        by_hand: Whether a person started this run.
    """

    champion: str | None
    until: str = ""
    new_rows: int = 0
    new_partitions: int = 0
    drift: Mapping[tuple[str, str], float] = field(default_factory=dict)
    published_error: float | None = None
    gate_error: float | None = None
    error_partitions: int = 0
    since_tried: int | None = None
    scheduled: bool = False
    by_hand: bool = False

    def as_dict(self) -> dict[str, object]:
        """The figures in the form that is stored as JSON: drift is feature -> statistic -> value."""
        drift: dict[str, dict[str, float]] = {}
        for (feature, statistic), value in self.drift.items():
            drift.setdefault(feature, {})[statistic] = value
        return {**asdict(self), "drift": drift}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason to train. `kind` is first, by hand, schedule, rows, partitions, drift or error; `text` says so with figures."""

    kind: str
    text: str


def decide(retraining: Retraining, figures: Figures, *, minimum: int = 0) -> list[Reason]:
    """The reasons to train that hold now. If there are none, nothing is trained.

    Without a champion, that is the reason to train. It holds if a person or the schedule started the run, or if at least
    `minimum` partitions were read: fewer are too few to learn from.

    With a champion, a count of rows or partitions is a reason once it reaches what is declared. Drift and error are reasons only
    above what is declared. A figure that is not known, or is not a number, is no reason. After data was a reason and the
    challenger was refused, data is no reason until `Retraining.patience` new partitions have come.
    """
    fired: list[Reason] = []
    if figures.by_hand:
        fired.append(Reason(kind="by hand", text="somebody asked for it"))
    if figures.champion is None:
        if not (figures.by_hand or figures.scheduled or figures.new_partitions >= minimum):
            return []
        return [*fired, Reason(kind="first", text="no version serves yet")]
    if figures.scheduled and retraining.schedule:
        fired.append(Reason(kind="schedule", text=f"the schedule {retraining.schedule} is due"))
    if figures.since_tried is not None and figures.since_tried < retraining.patience:
        return fired
    since = f"since snapshot {figures.until}" if figures.until else "since the champion was registered"
    if retraining.new_rows is not None and figures.new_rows >= retraining.new_rows:
        text = f"{figures.new_rows} new rows {since} (declared: {retraining.new_rows})"
        fired.append(Reason(kind="rows", text=text))
    if retraining.new_partitions is not None and figures.new_partitions >= retraining.new_partitions:
        text = f"{figures.new_partitions} new partitions {since} (declared: {retraining.new_partitions})"
        fired.append(Reason(kind="partitions", text=text))
    return [*fired, *_drift(retraining, figures), *_error(retraining, figures)]


def _drift(retraining: Retraining, figures: Figures) -> list[Reason]:
    measured = [(bound, figures.drift.get((bound.feature, bound.statistic))) for bound in retraining.drift]
    return [
        Reason(
            kind="drift",
            text=f"`{bound.feature}` has drifted: {bound.statistic.upper()} {value:.3g} over the newest "
            f"{retraining.window} partitions (declared: {bound.above:g})",
        )
        for bound, value in measured
        if value is not None and value > bound.above
    ]


def _error(retraining: Retraining, figures: Figures) -> list[Reason]:
    bound, published, gate = retraining.error, figures.published_error, figures.gate_error
    if bound is None or published is None or gate is None or figures.error_partitions < bound.partitions:
        return []
    if not published > bound.above * gate:
        return []
    times = f"{published / gate:.3g} times" if gate else "more than"
    text = (
        f"what version {figures.champion} published is off by {published:.4g} over {figures.error_partitions} partitions, "
        f"{times} its gate's {gate:.4g} (declared: {bound.above:g})"
    )
    return [Reason(kind="error", text=text)]
