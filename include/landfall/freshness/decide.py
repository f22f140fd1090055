"""Whether to train again, decided from figures alone: no server is asked, no clock is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from landfall.spec import Retraining


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What is known when it is decided.

    Args:
        champion: The version that serves; None before the first.
        until: The last partition that it has learnt from; empty where that is not known.
        new_rows: Rows that its snapshot has not.
        new_partitions: Partitions that its snapshot has not.
        drift: (feature, statistic) -> value, of the newest window against the snapshot.
        published_error: Error of what the champion published, over the newest partitions with actuals; None without any.
        gate_error: The same metric on the partitions held out when it was promoted; None if it was never measured.
        error_partitions: Over how many partitions `published_error` is.
        since_tried: New partitions since data was last a reason to replace this champion, which stayed; None if it never was.
        scheduled: Whether the schedule started this run.
        by_hand: Whether a person did.
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
        """As JSON holds it: drift as feature -> statistic -> value."""
        drift: dict[str, dict[str, float]] = {}
        for (feature, statistic), value in self.drift.items():
            drift.setdefault(feature, {})[statistic] = value
        return {**asdict(self), "drift": drift}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason to train. `kind` is first, by hand, schedule, rows, partitions, drift or error; `text` has the figures."""

    kind: str
    text: str


def decide(retraining: Retraining, figures: Figures, *, minimum: int = 0) -> list[Reason]:
    """The reasons that hold; none: nothing is trained.

    Without a champion there is one reason, and it is enough, unless nobody asked and fewer than `minimum` partitions were
    read, which is too few to learn from. A count fires at what is declared, drift and error above it.
    A figure that is not known, or is not a number, is no reason. What data says is no reason for a while after it was one
    and the challenger was refused (`Retraining.patience`).
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
    measured = [(each, figures.drift.get((each.feature, each.statistic))) for each in retraining.drift]
    return [
        Reason(
            kind="drift",
            text=f"`{each.feature}` has drifted: {each.statistic.upper()} {value:.3g} over the newest "
            f"{retraining.window} partitions (declared: {each.above:g})",
        )
        for each, value in measured
        if value is not None and value > each.above
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
