"""What is wrong now, by what the other rooms say. It reads and decides; it notes nothing and tells nobody.

Partitions are judged by `landfall.ledger.standing`, streams by `landfall.streams.standing`: an alert says what `landfall status`
and `landfall stream status` say. Drift is that of the newest window, as the report shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from landfall.database import Database
from landfall.database.slots import MIB, Slot
from landfall.freshness.history import PromotionRecord, history
from landfall.freshness.measured import DriftValue, drift
from landfall.ledger import Facts, Standing
from landfall.ledger.trouble import in_trouble, kind_of
from landfall.reporting.present import newest_window
from landfall.reporting.words import clean, number
from landfall.spec import OnlineLearner, Pipeline, Stream
from landfall.streams.standing import standing, word_of
from landfall.streams.state import state_of

NEWS = timedelta(days=1)
"""A promotion that is older than this is no news: a project that is given alerts is not told its history."""
WINDOWS = 2
"""How many of the newest windows of drift are read; the newest is judged."""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """One thing that people are told.

    Args:
        kind: `late landing`, `failed contract`, `failed run`, `stuck run`, `drift`, `stream`, `learner`, `slot`,
            `promotion` or `refused model`.
        source: Who has looked: `bike_demand/actuals`, or a model, a stream or a learner. An alert is over if its source no longer
            names it.
        subject: What it is about, within its source: a partition, a feature, a version.
        text: What is wrong and what to type, in one line.
        ends: False for what happened and has no end, such as a promotion.
    """

    kind: str
    source: str
    subject: str
    text: str
    ends: bool = True


def of_partitions(judgements: Iterable[tuple[Facts, Standing]]) -> list[Wrong]:
    """What is wrong with the partitions of a feed, by where they stand."""
    return [
        Wrong(
            kind=kind,
            source=facts.name,
            subject=str(facts.partition),
            text=f"{clean(standing.why, 400)}    (landfall explain {facts.name} {facts.partition})",
        )
        for facts, standing in in_trouble(judgements)
        if (kind := kind_of(standing))
    ]


def of_model(conn: Database, pipeline: Pipeline, now: datetime) -> list[Wrong]:
    """The drift of a pipeline's model over its declared bounds, and the newest changes of what serves.

    Raises:
        PublishingError: the database cannot be asked.
    """
    if not pipeline.training:
        return []
    model = pipeline.training.model
    return [*_drifts(pipeline, drift(conn, model, WINDOWS)), *_promotions(model, history(conn, model, 20), now)]


def of_stream(conn: Database, stream: Stream, now: datetime) -> list[Wrong]:
    """What is wrong with a stream, as `landfall stream status` says it.

    Raises:
        PublishingError: the database cannot be asked.
    """
    problem = standing(conn, stream, windows=1, now=now).problem
    return [Wrong(kind="stream", source=stream.name, subject="", text=clean(problem, 400))] if problem else []


def of_learner(conn: Database, learner: OnlineLearner, now: datetime) -> list[Wrong]:
    """What is wrong with the process that drives a learner, as `landfall changes status` says it.

    Raises:
        PublishingError: the database cannot be asked.
    """
    line = state_of(conn, learner.name)
    word = word_of(line, now)
    if word == "failing":
        text = clean(line.problem, 400)
    elif word == "silent":
        text = "no process drives it    (landfall ps: is the part `streams` up?)"
    else:
        return []
    return [Wrong(kind="learner", source=learner.name, subject="", text=text)]


def of_slot(learner: OnlineLearner, slot: Slot | None) -> list[Wrong]:
    """That a learner's replication slot is lost, or further behind than is declared."""
    allowed = learner.slot_alert
    text = slot.trouble(allowed.behind.total_seconds(), allowed.mebibytes * MIB) if slot else ""
    more = f"    (landfall changes status {learner.name})"
    return [Wrong(kind="slot", source=slot_source(learner), subject="", text=f"{text}{more}")] if text else []


def slot_source(learner: OnlineLearner) -> str:
    """Who looks at a learner's slot. It is another server than that of the learner's own line."""
    return f"{learner.name}/slot"


def _drifts(pipeline: Pipeline, values: Iterable[DriftValue]) -> list[Wrong]:
    return [
        Wrong(
            kind="drift",
            source=pipeline.name,
            subject=clean(value.name, 120),
            text=f"{number(value.value)}, its bound is {number(value.above)}; window to {value.last}    "
            f"(landfall report {pipeline.name})",
        )
        for value in newest_window(tuple(values))
        if value.over
    ]


def _promotions(model: str, changes: Iterable[PromotionRecord], now: datetime) -> list[Wrong]:
    return [
        Wrong(
            kind="promotion",
            source=model,
            subject=f"change {change.id}",
            text=f"{change.kind}: {_served(change)}. {clean(change.reason, 400)}    (landfall models {model})",
            ends=False,
        )
        for change in changes
        if now - change.at <= NEWS
    ]


def refusal(model: str, version: str, why: str) -> Wrong:
    """That the gate refused a challenger, which the step that judges notes at once."""
    return Wrong(
        kind="refused model",
        source=model,
        subject=f"version {version}",
        text=f"the champion stays: {clean(why, 400)}    (landfall models {model})",
        ends=False,
    )


def _served(change: PromotionRecord) -> str:
    now = f"version {clean(change.version, 60)} serves" if change.version else "no version serves"
    return f"{now} in the place of {clean(change.replaced, 60)}" if change.replaced else now
