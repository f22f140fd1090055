"""Airflow's backfills, and which runs they hold.

Airflow starts a queued run of a backfill only while that backfill is not paused, and "Cancel backfill" pauses it for ever: a
run of it that is cleared later stays queued for ever. Airflow's API does not say which backfill a run belongs to. A run belongs
to the newest backfill that covers its logical date and was made before the run was queued, unless that backfill found the run
at work and left it alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from landfall.spec.run_form import BACKFILL

SETTLED = timedelta(minutes=2)
"""The longest that a run which may start at once stays queued on a busy machine."""


@dataclass(frozen=True)
class Hold:
    """Why a run does not go on. `paused`: a person can let it go on. `stuck`: it waits for ever, or for other runs."""

    state: Literal["paused", "stuck"]
    why: str


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """One of Airflow's backfills of a DAG.

    Args:
        number: Its id.
        first: The first logical date.
        last: The last logical date.
        slots: How many of its runs may go on at the same time.
        paused: True if its queued runs are not started. A cancelled backfill stays paused.
        created_at: When it was made.
        ended: True if it is over: all its runs have ended, or it was cancelled.
    """

    number: int
    first: datetime
    last: datetime
    slots: int
    paused: bool
    created_at: datetime
    ended: bool

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """A backfill from the answer of Airflow's API."""
        return cls(
            number=int(answer["id"]),
            first=moment_of(answer["from_date"]),
            last=moment_of(answer["to_date"]),
            slots=int(answer["max_active_runs"]),
            paused=bool(answer["is_paused"]),
            created_at=moment_of(answer["created_at"]),
            ended=answer["completed_at"] is not None,
        )

    @property
    def hold(self) -> Hold | None:
        """Why its queued runs are not started; None if they are."""
        if not self.paused:
            return None
        if self.ended:
            return Hold("stuck", f"its backfill {self.number} was cancelled")
        return Hold("paused", f"its backfill {self.number} is paused")


def covering(run: Mapping[str, Any], backfills: Iterable[Backfill]) -> list[Backfill]:
    """The backfills that a run may belong to, the most likely first; empty for a run of another type."""
    if run.get("run_type") != BACKFILL or not run.get("logical_date"):
        return []
    moment = moment_of(run["logical_date"])
    queued = moment_of(run["queued_at"]) if run.get("queued_at") else datetime.now(UTC)
    covering_it = [
        backfill
        for backfill in backfills
        if backfill.first <= moment <= backfill.last and backfill.created_at <= queued
    ]
    return sorted(covering_it, key=lambda backfill: -backfill.number)


def hold_of(run: Mapping[str, Any], backfills: Sequence[Backfill], now: datetime) -> Hold | None:
    """Why Airflow does not start a queued run; None for a run that goes on, has ended, or only waits for its turn."""
    owners = covering(run, backfills) if run["state"] == "queued" else []
    if not owners:
        return None
    if owners[0].hold or not owners[0].ended:
        return owners[0].hold
    # The newest backfill is over, so a run of it would start at once. An older one, which was cancelled, may still hold the run.
    waits = now - moment_of(run["queued_at"]) if run.get("queued_at") else timedelta(0)
    return next((owner.hold for owner in owners if owner.hold), None) if waits > SETTLED else None


def is_bound(run: Mapping[str, Any], backfills: Sequence[Backfill]) -> bool:
    """True if clearing an ended run may leave it queued: one of its backfills is paused, or was cancelled."""
    return any(backfill.paused for backfill in covering(run, backfills))


def moment_of(text: str) -> datetime:
    """A moment as Airflow's API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
