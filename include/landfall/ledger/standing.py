"""Decides from a partition's facts alone where it stands and what is due. It asks no server and reads no clock.

The one rule of when to run: an input is due if no run has read it, or if it was read but is not what is published. What a server
made fail is due again after a pause that grows.

An input that failed by its own fault, or that had nothing to publish, is not run again by itself: the same input gives the same
end. That does not hold if code or contract have changed, or if there was nothing to publish because nothing had been predicted,
and now something is. `landfall plan` names such an input all the same, for a person to decide.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from landfall.ledger.facts import Facts, Seen
from landfall.ledger.restarts import FIRST, made_of, next_start, restarts
from landfall.publishing import Made

State = Literal["waiting", "late", "landed", "running", "paused", "stuck", "failed", "published", "stale", "skipped"]
ATTENTION = ("late", "landed", "paused", "stuck", "failed", "stale")
"""The states that somebody, or the audit, should do something about. `paused`: a person has paused the partition's DAG or
backfill. `stuck`: the partition's run is queued, and Airflow will not start it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Current:
    """What a publication made now would be made with.

    Args:
        code: Digest of the feed's jobs.
        contract: Digest of its contract.
        model: The champion's version; None if the feed's rows do not come from the champion, or if there is none.
        now: The present (aware).
        restart_after: The first pause before a run that a server made fail is started again.
        contract_changes: Older version of the contract -> what has changed since, for a person. Unknown versions are left out.
    """

    code: str
    contract: str
    model: str | None
    now: datetime
    restart_after: timedelta = FIRST
    contract_changes: Mapping[str, str] = field(default_factory=dict)

    def since(self, contract: str) -> str:
        """What has changed since the version `contract`, as the end of a sentence; empty if that is not known."""
        changes = self.contract_changes.get(contract)
        return f": {changes}" if changes else ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a partition stands.

    Args:
        state: See `State`.
        why: The reason for a person; empty if the state says everything.
        reason: The kind of reason to run it: `never published`, `predictions published`, `input changed`, `input deleted`,
            `joined input changed`, `model changed`, `code changed`, `contract changed`, `failed` (by a server), `refused` (its
            input); empty if there is none.
        automatic: Whether the audit starts its run by itself.
        again_at: When the audit starts the run again; None if no server made it fail.
    """

    state: State
    why: str = ""
    reason: str = ""
    automatic: bool = False
    again_at: datetime | None = None


def judged(facts: Facts, current: Current) -> Standing:
    """The standing of a partition. If that cannot be judged, the standing says so: one partition's error hides no other."""
    try:
        return standing(facts, current)
    except Exception as error:
        log.exception("Where %s %s stands cannot be judged", facts.name, facts.partition)
        return Standing(state="failed", why=f"it cannot be judged: {error!r}")


def standing(facts: Facts, current: Current) -> Standing:
    """Where a partition stands now."""
    unpaused = _standing(facts, current)
    if not facts.dag_paused or not (unpaused.automatic or unpaused.state in ("running", "stuck")):
        return unpaused
    state: State = "paused" if unpaused.state in ("landed", "running", "stuck") else unpaused.state
    why = f"the DAG `{facts.feed.dag_id}` is paused; {unpaused.why}"
    return replace(unpaused, state=state, why=why, automatic=False)


def _standing(facts: Facts, current: Current) -> Standing:
    if facts.run and facts.run.active and (facts.lacks or not facts.objects):
        return _waiting(facts, current)
    if facts.run and facts.run.held:
        return _held(facts, facts.run, current)
    if facts.run and facts.run.active:
        return Standing(state="running", why=facts.run.run_id)
    if facts.made and not facts.objects:
        gone = ", ".join(sorted(map(repr, facts.made.objects)))
        return Standing(
            state="published", why=f"what it was made of is no longer there: {gone}", reason="input deleted"
        )
    if facts.lacks:
        return _waiting(facts, current)
    if failed := _refused(facts, current) or _failed(facts, current):
        return failed
    if facts.made is None:
        return _unpublished(facts)
    if facts.made.objects != facts.objects:
        return _changed(facts, facts.made)
    if facts.made.joined.keys() == facts.joined.keys() and facts.made.joined != facts.joined:
        return _joined_changed(facts, facts.made)
    return _outdated(facts, facts.made, current)


def _held(facts: Facts, run: Seen, current: Current) -> Standing:
    """The standing of a partition whose run goes on no further.

    It is what it would be without that run, which the audit then replaces.
    """
    without = _standing(replace(facts, run=None), current)
    why = f"{run.run_id} goes on no further: {run.held}" + (f"; {without.why}" if without.why else "")
    state: State = "paused" if run.paused else "stuck"
    return replace(without, state=state if without.automatic else without.state, why=why)


def _waiting(facts: Facts, current: Current) -> Standing:
    due = facts.feed.landing.due(facts.partition)
    if due and current.now > due:
        return Standing(state="late", why=f"{facts.lacks}; it was due {due:%Y-%m-%d %H:%M} UTC")
    return Standing(state="waiting", why=facts.lacks)


def _unpublished(facts: Facts) -> Standing:
    if facts.read is None or not facts.is_read:
        return Standing(state="landed", why="no run has read it", reason="never published", automatic=True)
    if facts.predicted_at and facts.predicted_at > facts.read.at:
        why = "predictions of it were published after it had been read"
        return Standing(state="landed", why=why, reason="predictions published", automatic=True)
    if facts.run is None and not facts.read.said:
        return Standing(state="landed", why="read, not published; Airflow is away", reason="never published")
    return Standing(state="skipped", why=facts.read.said or "its run had nothing to publish")


def _refused(facts: Facts, current: Current) -> Standing | None:
    """The standing of a partition whose input is at fault. It is due once the code or the contract is another one."""
    read, made = facts.read, facts.made
    if read is None or read.refused is None or not facts.is_read or (made and made.since > read.at):
        return None
    before = {"contract": read.refused.contract, "code": read.refused.code}
    now = {"contract": current.contract, "code": current.code}
    for name in ("contract", "code"):
        if before[name] != now[name]:
            why = f"its input was refused by {name} {before[name]}, it is {now[name]} now"
            why += current.since(before[name]) if name == "contract" else ""
            return Standing(state="failed", why=why, reason=f"{name} changed", automatic=True)
    return Standing(state="failed", why=f"its input: {read.refused.why}", reason="refused")


def _failed(facts: Facts, current: Current) -> Standing | None:
    """The standing of a partition whose run a server made fail. The audit starts it again."""
    of = made_of(facts, current.code, current.contract)
    again = next_start(facts, of, current.restart_after)
    if again is None:
        return None
    run = facts.read.run_id if facts.read and facts.is_unended else facts.run.run_id if facts.run else ""
    due, number = current.now >= again, restarts(facts, of) + 1
    when = "by the next audit" if due else f"at {again:%Y-%m-%d %H:%M} UTC"
    why = f"{run} did not finish; tried again {when} (attempt {number})"
    return Standing(state="failed", why=why, reason="failed", automatic=due, again_at=again)


def _changed(facts: Facts, made: Made) -> Standing:
    why = changes(made.objects, facts.objects)
    fewer = facts.objects.items() <= made.objects.items()
    reason = "input deleted" if fewer else "input changed"
    return Standing(state="stale", why=why, reason=reason, automatic=not fewer and not facts.is_read)


def _joined_changed(facts: Facts, made: Made) -> Standing:
    """The standing of a partition if something that it joins was published again. A run that has read since has seen it."""
    unread = facts.read is None or (facts.joined_at is not None and facts.joined_at > facts.read.at)
    why = f"joined {changes(made.joined, facts.joined)}"
    return Standing(state="stale", why=why, reason="joined input changed", automatic=unread)


def _outdated(facts: Facts, made: Made, current: Current) -> Standing:
    ahead = facts.feed.landing.calendar.window(facts.partition)[1] > current.now
    if current.model and made.model != current.model and ahead:
        return Standing(state="stale", why=f"model {made.model} -> {current.model}", reason="model changed")
    if made.contract != current.contract:
        return Standing(
            state="stale", why=f"the contract changed{current.since(made.contract)}", reason="contract changed"
        )
    if made.code != current.code:
        return Standing(state="stale", why=f"code {made.code} -> {current.code}", reason="code changed")
    return Standing(state="published")


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What became of the inputs, for a person: keys are shortened and escaped, ETags are cut to their first 8 digits."""
    parts = [
        f"{_short(key)}: {before[key][:8]} -> {after[key][:8]}"
        for key in sorted(before.keys() & after.keys())
        if before[key] != after[key]
    ]
    parts += [f"{_short(key)}: new, {after[key][:8]}" for key in sorted(after.keys() - before.keys())]
    parts += [f"{_short(key)}: deleted" for key in sorted(before.keys() - after.keys())]
    return "; ".join(parts)


def _short(key: str) -> str:
    name = key.rpartition("/")[2]
    return name if name.isprintable() and len(name) <= 60 else repr(name)[:80]
