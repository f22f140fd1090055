"""The report as a few lines of text, and as one JSON document."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from landfall.database.statements import plain
from landfall.freshness.measured import DriftValue
from landfall.reporting import present, words
from landfall.reporting.facts import FeedFacts, PartitionLife, Promoted, Report
from landfall.spec import Partition


def summary(report: Report) -> str:
    """The state of the pipeline: model, error, drift, each feed, quarantine, the newest decision; one line each.

    Without a model there are only the lines of the feeds and of the rows.
    """
    feeds = [*((facts.feed.name, _feed(report, facts)) for facts in report.feeds), ("rows", _rows(report))]
    lines = (
        feeds
        if report.pipeline.training is None
        else [
            ("model", _model(report)),
            *([("alias", words.clean(report.other_alias, 400))] if report.other_alias else []),
            ("error", _error(report)),
            ("drift", _drift(report)),
            *feeds,
            ("retraining", _decision(report)),
        ]
    )
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


def _model(report: Report) -> str:
    version, now = present.serving_version(report), report.serving
    if version is None:
        return f"none serves yet    (landfall train {report.pipeline.name})"
    if now is None:
        return f"version {words.clean(version, 60)} made the newest predictions; the history holds no promotion of it"
    reason = f": {words.clean(now.reason, 200)}" if now.reason else ""
    return f"version {words.clean(version, 60)} since {words.clock(now.at)} UTC, {words.clean(now.kind, 40)}{reason}"


def _error(report: Report) -> str:
    now = present.error_now(report)
    if now is None:
        return "not known: nothing that this version published has met its actuals"
    gate = f", its gate measured {words.number(now.gate)}" if now.gate is not None else ""
    bound = f", bound {words.number(now.bound)}" if now.bound is not None else ""
    over = ": OVER" if now.over else ""
    newest = words.count(now.partitions, "partition")
    return f"{now.metric} {words.number(now.value)} over the newest {newest} of the version{gate}{bound}{over}"


def _drift(report: Report) -> str:
    window = present.drift_now(report)
    if not window:
        return "not measured yet"
    bounded = [drift for drift in window if drift.above is not None]
    worst = [_one_drift(drift) for drift in (bounded or window)[:3]]
    over = sum(1 for drift in window if drift.over)
    bounds = f"{over} of {len(bounded)} over their bounds" if bounded else "no bounds declared"
    return f"{bounds}; {', '.join(worst)} (window to {window[0].last})"


def _one_drift(drift: DriftValue) -> str:
    bound = f" of {words.number(drift.above)}" if drift.above is not None else ""
    return f"{words.clean(drift.name, 60)} {words.number(drift.value)}{bound}"


def _feed(report: Report, facts: FeedFacts) -> str:
    now = present.feed_now(report, facts)
    parts = [f"newest {now.newest.partition}, {_landed(now.newest)}" if now.newest else "nothing published yet"]
    if now.unpublished:
        parts.append(f"{words.count(now.unpublished, 'partition')} landed, not published")
    if now.next:
        was = "was due" if now.overdue else "is due"
        parts.append(f"{now.next[0]} {was} {words.ago(now.next[1], report.made_at)}")
    if late := present.late_landings(facts):
        parts.append(f"{late} of {words.count(len(facts.lives), 'partition')} landed late")
    return "; ".join(parts)


def _landed(life: PartitionLife) -> str:
    if life.landing_delay is None:
        return f"published {words.clock(life.published_at)} UTC"
    first = words.duration(life.publishing_delay)
    return f"landed {words.against_due(life.landing_delay)}, first published {first} after landing"


def _rows(report: Report) -> str:
    kept, bad = present.rows_now(report)
    newest = f"newest {present.NEWEST} partitions of each feed"
    return f"{kept:,} kept, {bad:,} quarantined ({words.share(bad, kept + bad)}) in the {newest}"


def _decision(report: Report) -> str:
    if not report.decisions:
        return "nothing was decided yet"
    newest = report.decisions[0]
    reasons = "; ".join(words.clean(reason, 200) for reason in newest.fired)
    return f"{words.clock(newest.at)} UTC: {reasons or 'no reason to retrain'}"


def as_json(report: Report) -> dict[str, object]:
    """The numbers of the report. Times are ISO 8601, delays are seconds; what is unknown or not finite is null."""
    error = present.error_now(report)
    return {
        "pipeline": report.pipeline.name,
        "model": report.pipeline.training.model if report.pipeline.training else None,
        "made_at": plain(report.made_at),
        "version": present.serving_version(report),
        "serving": _promoted(report.serving) if report.serving else None,
        "other_alias": report.other_alias or None,
        "error": None if error is None else {**_fields(asdict(error)), "bound": error.bound, "over": error.over},
        "feeds": [_feed_json(report, facts) for facts in report.feeds],
        "errors": [{**_fields(asdict(error_of)), "partition": str(error_of.partition)} for error_of in report.errors],
        "drift": [{**_fields(asdict(drift)), "over": drift.over} for drift in report.drift],
        "promotions": [_promoted(promoted) for promoted in report.promotions],
        "decisions": [_fields(asdict(decision)) for decision in report.decisions],
    }


def _promoted(promoted: Promoted) -> dict[str, object]:
    fields = _fields(asdict(promoted))
    return {**fields, "first": str(promoted.first) if promoted.first else None}


def _feed_json(report: Report, facts: FeedFacts) -> dict[str, object]:
    now = present.feed_now(report, facts)
    return {
        "feed": now.name,
        "table": facts.feed.table.name,
        "newest": str(now.newest.partition) if now.newest else None,
        "unpublished": [str(life.partition) for life in facts.unpublished],
        "next": str(now.next[0]) if now.next else None,
        "next_due": plain(now.next[1]) if now.next else None,
        "overdue": now.overdue,
        "late": [{"partition": str(overdue.partition), "due": plain(overdue.due), "lacks": overdue.lacks}
                 for overdue in facts.overdue],
        "partitions": [_life(life) for life in facts.lives],
    }  # fmt: skip


def _life(life: PartitionLife) -> dict[str, object]:
    return {
        "partition": str(life.partition),
        "due": plain(life.due),
        "landed_at": plain(life.landed_at),
        "landing_delay": _seconds(life.landing_delay),
        "first_published_at": plain(life.first_published_at),
        "publishing_delay": _seconds(life.publishing_delay),
        "published_at": plain(life.published_at),
        "model_version": life.version or None,
        "published_rows": life.published_rows,
        "rows": life.rows,
        "quarantined": life.quarantined,
    }


def _seconds(delay: timedelta | None) -> float | None:
    return None if delay is None else round(delay.total_seconds(), 3)


def _fields(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: _name(value) if isinstance(value, Mapping) else plain(value) for name, value in fields.items()}


def _name(value: Mapping[str, object]) -> object:
    """Writes a partition, which `asdict` has taken apart, as its name again; anything else as it is."""
    if set(value) == {"day", "hour"}:
        return str(Partition(**value))  # type: ignore[arg-type]
    return plain(dict(value))
