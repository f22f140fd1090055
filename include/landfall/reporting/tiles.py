"""The tiles at the head of the page: each has a number, what it is compared with, and whether it needs attention."""

from dataclasses import dataclass
from typing import Literal

from landfall.reporting import present, words
from landfall.reporting.facts import FeedFacts, Report

TileState = Literal["good", "attention", "unknown"]


@dataclass(frozen=True)
class Tile:
    """A number for a person. The text says the `state` too, so it is never shown by colour alone."""

    title: str
    value: str
    detail: str
    state: TileState = "good"


def tiles(report: Report) -> list[Tile]:
    """Model, error, drift (these three if the pipeline has a model), each feed, quarantine, in this order."""
    of_model = [_model(report), _error(report), _drift(report)] if report.pipeline.training else []
    return [*of_model, *(_feed(report, facts) for facts in report.feeds), _quarantine(report)]


def _model(report: Report) -> Tile:
    version, now = present.serving_version(report), report.serving
    if version is None:
        return Tile("Model", "none", f"train one: landfall train {report.pipeline.name}", "unknown")
    since = f"{now.kind} {words.ago(now.at, report.made_at)}" if now else "made the newest predictions"
    return Tile("Model", f"version {version}", since)


def _error(report: Report) -> Tile:
    now, metric = present.error_now(report), report.metric
    title = f"Error ({metric})"
    if now is None:
        return Tile(title, "–", "nothing it published has met its actuals yet", "unknown")
    against = f"newest {words.count(now.partitions, 'partition')}"
    if now.gate:
        against += f", {words.number(round(now.value / now.gate, 2))} × its gate's {words.number(now.gate)}"
    if now.bound is not None:
        against += f"; bound {words.number(now.bound)}"
    return Tile(title, words.number(now.value), against, "attention" if now.over else "good")


def _drift(report: Report) -> Tile:
    window = present.drift_now(report)
    if not window:
        return Tile("Drift", "–", "not measured yet", "unknown")
    over, worst = [drift for drift in window if drift.over], window[0]
    bound = f" of {words.number(worst.above)}" if worst.above is not None else ", no bound declared"
    detail = f"{worst.name} {words.number(worst.value)}{bound}"
    if over:
        return Tile("Drift", f"{len(over)} over", detail, "attention")
    return Tile("Drift", "none" if worst.above is not None else words.number(worst.value), f"nearest: {detail}")


def _feed(report: Report, facts: FeedFacts) -> Tile:
    now, title = present.feed_now(report, facts), f"Newest {facts.feed.name}"
    if now.newest is None:
        detail = (
            f"{words.count(now.unpublished, 'partition')} landed, none published" if now.unpublished else "none yet"
        )
        return Tile(title, "–", detail, "unknown")
    detail = f"published {words.ago(now.newest.published_at or report.made_at, report.made_at)}"
    if now.next and now.overdue:
        detail += f"; {now.next[0]} was due {words.ago(now.next[1], report.made_at)}"
        return Tile(title, str(now.newest.partition), detail, "attention")
    if now.unpublished:
        return Tile(title, str(now.newest.partition), f"{detail}; {now.unpublished} landed, not published", "attention")
    return Tile(title, str(now.newest.partition), detail)


def _quarantine(report: Report) -> Tile:
    kept, bad = present.rows_now(report)
    if not kept + bad:
        return Tile("Quarantined", "–", "no rows judged yet", "unknown")
    over = present.broken_contracts(report)
    detail = f"{bad:,} of {words.count(kept + bad, 'row')} of the newest {present.NEWEST} partitions"
    if over:
        detail += f"; {words.count(over, 'partition')} over what the contract allows"
    return Tile("Quarantined", words.share(bad, kept + bad) if bad else "0 %", detail, "attention" if over else "good")
