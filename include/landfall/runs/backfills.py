"""Airflow's backfills, and which runs they hold.

Airflow starts a queued run of a backfill only while that backfill is not paused, and "Cancel backfill" pauses it for ever:
whoever clears one of its runs later leaves it queued for ever. Airflow's API does not say which backfill a run belongs to. A
run belongs to the newest backfill that covers its logical date and was made before the run was queued, unless that backfill
found it at work and left it alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from landfall.spec.run_form import BACKFILL

SETTLED = timedelta(minutes=2)
"""How long a run that may start at once is queued at most, on a machine that is busy."""


@dataclass(frozen=True)
class Hold:
    """Why a run goes on no further. `paused`: a person can let it go on. `stuck`: it waits for ever, or for other runs."""

    state: Literal["paused", "stuck"]
    why: str


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """One of Airflow's backfills of a DAG.

    Args:
        number: Its id.
        first: The first logical date.
        last: The last one.
        slots: How many of its runs go on at the same time.
        paused: Whether its queued runs are not started. A backfill that was cancelled stays paused.
        created_at: When it was made.
        ended: Whether it is over: all its runs have ended, or it was cancelled.
    """

    number: int
    first: datetime
    last: datetime
    slots: int
    paused: bool
    created_at: datetime
    ended: bool

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """A backfill as Airflow's API tells it."""
        return cls(
            number=int(told["id"]),
            first=moment_of(told["from_date"]),
            last=moment_of(told["to_date"]),
            slots=int(told["max_active_runs"]),
            paused=bool(told["is_paused"]),
            created_at=moment_of(told["created_at"]),
            ended=told["completed_at"] is not None,
        )

    @property
    def hold(self) -> Hold | None:
        """Why its queued runs are not started."""
        if not self.paused:
            return None
        if self.ended:
            return Hold("stuck", f"its backfill {self.number} was cancelled")
        return Hold("paused", f"its backfill {self.number} is paused")


def covering(run: Mapping[str, Any], backfills: Iterable[Backfill]) -> list[Backfill]:
    """The backfills that a run may belong to, the most likely first; none for a run of another type."""
    if run.get("run_type") != BACKFILL or not run.get("logical_date"):
        return []
    moment = moment_of(run["logical_date"])
    queued = moment_of(run["queued_at"]) if run.get("queued_at") else datetime.now(UTC)
    found = [each for each in backfills if each.first <= moment <= each.last and each.created_at <= queued]
    return sorted(found, key=lambda each: -each.number)


def hold_of(run: Mapping[str, Any], backfills: Sequence[Backfill], now: datetime) -> Hold | None:
    """Why Airflow does not start a queued run; None for one that goes on, has ended, or is only waiting for its turn."""
    owners = covering(run, backfills) if run["state"] == "queued" else []
    if not owners:
        return None
    if owners[0].hold or not owners[0].ended:
        return owners[0].hold
    # The newest is over, so one of its runs would start at once: an older one, which was cancelled, may have it still.
    waits = now - moment_of(run["queued_at"]) if run.get("queued_at") else timedelta(0)
    return next((each.hold for each in owners if each.hold), None) if waits > SETTLED else None


def is_bound(run: Mapping[str, Any], backfills: Sequence[Backfill]) -> bool:
    """True if clearing an ended run may leave it queued: one of its backfills is paused, or was cancelled."""
    return any(each.paused for each in covering(run, backfills))


def moment_of(text: str) -> datetime:
    """A moment as Airflow's API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
