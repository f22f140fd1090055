"""Where a partition stands and what is due, decided from its facts alone: no server is asked, no clock is read.

The one rule of when to run: an input that no run has read, or that was read but is not what is published, is due. An input
that a run has read and that then failed or had nothing to publish is not run again by itself: the same input gives the
same end, unless it had nothing to publish because nothing had been predicted, and now something is. `landfall plan` names
it all the same, for a person to decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from landfall.ledger.facts import Facts, Made

State = Literal["waiting", "late", "landed", "running", "failed", "published", "stale", "skipped"]
ATTENTION = ("late", "landed", "failed", "stale")
"""The states that somebody, or the audit, should do something about."""


@dataclass(frozen=True, kw_only=True)
class Current:
    """What a publication made now would be made with.

    Args:
        code: Digest of the feed's jobs.
        contract: Digest of its contract.
        model: The champion's version; None where the feed's rows do not come from the champion, or there is none.
        now: The present (aware).
    """

    code: str
    contract: str
    model: str | None
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a partition stands.

    Args:
        state: See `State`.
        why: The reason for a person; empty where the state says it all.
        reason: The kind of reason to run it: `never published`, `predictions published`, `input changed`, `input deleted`,
            `model changed`, `code changed`, `contract changed`, `failed`; empty if there is none.
        automatic: Whether the audit starts its run by itself.
    """

    state: State
    why: str = ""
    reason: str = ""
    automatic: bool = False


def standing(facts: Facts, current: Current) -> Standing:
    """Where a partition stands now."""
    if facts.run and facts.run.active and (facts.lacks or not facts.objects):
        return _waiting(facts, current)
    if facts.run and facts.run.active:
        return Standing(state="running", why=facts.run.run_id)
    if facts.made and not facts.objects:
        gone = ", ".join(sorted(map(repr, facts.made.objects)))
        return Standing(
            state="published", why=f"what it was made of is no longer there: {gone}", reason="input deleted"
        )
    if facts.lacks:
        return _waiting(facts, current)
    if facts.made is None:
        return _unpublished(facts)
    if facts.made.objects != facts.objects:
        return _changed(facts, facts.made)
    return _outdated(facts, facts.made, current)


def _waiting(facts: Facts, current: Current) -> Standing:
    due = facts.feed.landing.due(facts.partition)
    if due and current.now > due:
        return Standing(state="late", why=f"{facts.lacks}; it was due {due:%Y-%m-%d %H:%M} UTC")
    return Standing(state="waiting", why=facts.lacks)


def _unpublished(facts: Facts) -> Standing:
    if facts.read is None or facts.read.objects != facts.objects:
        return Standing(state="landed", why="no run has read it", reason="never published", automatic=True)
    if _failed(facts):
        return Standing(state="failed", why=facts.read.run_id, reason="failed")
    if facts.predicted_at and facts.predicted_at > facts.read.at:
        why = "predictions of it were published after it had been read"
        return Standing(state="landed", why=why, reason="predictions published", automatic=True)
    if facts.run is None and not facts.read.said:
        why = "a run read it, and published nothing" if facts.runs_known else "read, not published; Airflow is away"
        return Standing(state="landed", why=why, reason="never published")
    return Standing(state="skipped", why=facts.read.said or "its run had nothing to publish")


def _failed(facts: Facts) -> bool:
    """True if the newest reading is of a run that failed."""
    run, read = facts.run, facts.read
    return run is not None and read is not None and run.state == "failed" and run.run_id == read.run_id


def _changed(facts: Facts, made: Made) -> Standing:
    why = changes(made.objects, facts.objects)
    read_it = facts.read is not None and facts.read.objects == facts.objects
    if read_it and facts.run and _failed(facts):
        return Standing(state="failed", why=f"{facts.run.run_id}; {why}", reason="failed")
    fewer = facts.objects.items() <= made.objects.items()
    reason = "input deleted" if fewer else "input changed"
    return Standing(state="stale", why=why, reason=reason, automatic=not fewer and not read_it)


def _outdated(facts: Facts, made: Made, current: Current) -> Standing:
    ahead = facts.feed.landing.window(facts.partition)[1] > current.now
    if current.model and made.model != current.model and ahead:
        return Standing(state="stale", why=f"model {made.model} -> {current.model}", reason="model changed")
    if made.contract != current.contract:
        return Standing(state="stale", why="the contract changed", reason="contract changed")
    if made.code != current.code:
        return Standing(state="stale", why=f"code {made.code} -> {current.code}", reason="code changed")
    return Standing(state="published")


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What became of the inputs, for a person: keys shortened and escaped, ETags by their first digits."""
    told = [
        f"{_short(key)}: {before[key][:8]} -> {after[key][:8]}"
        for key in sorted(before.keys() & after.keys())
        if before[key] != after[key]
    ]
    told += [f"{_short(key)}: new, {after[key][:8]}" for key in sorted(after.keys() - before.keys())]
    told += [f"{_short(key)}: deleted" for key in sorted(before.keys() - after.keys())]
    return "; ".join(told)


def _short(key: str) -> str:
    name = key.rpartition("/")[2]
    return name if name.isprintable() and len(name) <= 60 else repr(name)[:80]
