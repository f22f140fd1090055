"""Which runs a backfill of Airflow holds, and which days one backfill can run: from what Airflow's API tells."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from landfall.runs.backfills import Backfill, Hold, covering, hold_of, is_bound
from landfall.runs.many import bridged
from landfall.spec import Calendar, Partition, Partitions

NOON = datetime(2015, 1, 20, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TOLD = {
    "id": 7, "from_date": "2015-01-10T00:00:00Z", "to_date": "2015-01-16T00:00:00Z", "is_paused": False,
    "max_active_runs": 4, "created_at": "2015-01-20T11:00:00Z", "completed_at": None,
}  # fmt: skip
GOING = Backfill.of(TOLD)
ENDED = replace(GOING, ended=True)
PAUSED = replace(GOING, paused=True)
CANCELLED = replace(GOING, paused=True, ended=True)
OLDER = replace(CANCELLED, number=5, created_at=NOON - 3 * HOUR)


def run(**more: Any) -> dict[str, Any]:
    """A run of 14 January that the backfill has, queued at noon."""
    return {
        "run_type": "backfill", "state": "queued", "logical_date": "2015-01-14T00:00:00Z",
        "queued_at": "2015-01-20T12:00:00Z",
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("run", "backfills", "hold"),
    [
        (run(), [], None),
        (run(), [GOING], None),
        (run(), [ENDED], None),
        (run(), [PAUSED], Hold("paused", "its backfill 7 is paused")),
        (run(), [CANCELLED], Hold("stuck", "its backfill 7 was cancelled")),
        (run(state="running"), [CANCELLED], None),
        (run(state="success"), [CANCELLED], None),
        (run(run_type="scheduled"), [CANCELLED], None),
        (run(logical_date="2015-01-17T00:00:00Z"), [CANCELLED], None),
        (run(queued_at="2015-01-20T10:00:00Z"), [CANCELLED], None),
        (run(), [OLDER, GOING], None),
        (run(), [OLDER, ENDED], None),
        (run(queued_at="2015-01-20T11:57:00Z"), [OLDER, ENDED], Hold("stuck", "its backfill 5 was cancelled")),
        (run(queued_at="2015-01-20T11:57:00Z"), [OLDER, GOING], None),
    ],
)
def test_a_queued_run_is_held_by_a_backfill_that_is_paused_or_was_cancelled(
    run: dict[str, Any], backfills: list[Backfill], hold: Hold | None
) -> None:
    assert hold_of(run, backfills, NOON) == hold


def test_a_run_may_belong_to_the_backfills_of_its_day_that_are_older_than_its_queueing() -> None:
    newer = replace(GOING, number=9, created_at=NOON + HOUR)
    assert covering(run(), [OLDER, GOING, newer]) == [GOING, OLDER]


@pytest.mark.parametrize(
    ("backfills", "bound"),
    [([], False), ([ENDED], False), ([CANCELLED], True), ([PAUSED], True), ([OLDER, ENDED], True)],
)
def test_a_run_of_a_cancelled_backfill_is_not_cleared(backfills: list[Backfill], bound: bool) -> None:
    assert is_bound(run(state="success"), backfills) is bound


@pytest.mark.parametrize(
    ("days", "waiting", "together"),
    [
        ("2015-01-10..2015-01-16", "", "2015-01-10..2015-01-16"),
        ("2015-01-10..2015-01-11,2015-01-13..2015-01-16", "", "2015-01-13..2015-01-16"),
        ("2015-01-10,2015-01-12", "", "2015-01-10"),
        ("2015-01-10,2015-01-12", "2015-01-11", "2015-01-10,2015-01-12"),
        ("2015-01-10,2015-01-14,2015-01-15", "2015-01-11,2015-01-13", "2015-01-14..2015-01-15"),
        ("", "", ""),
    ],
)
def test_one_backfill_runs_days_between_which_it_would_run_no_other(days: str, waiting: str, together: str) -> None:
    left_alone: set[Partition] = set(Partitions.parse(waiting))
    assert str(bridged(Calendar(), Partitions.parse(days), left_alone)) == together


def test_an_hour_that_the_clocks_leave_out_is_no_gap() -> None:
    calendar, hours = (
        Calendar("hour", "America/New_York"),
        Partitions.parse("2012-03-11T01,2012-03-11T03..2012-03-11T05"),
    )
    assert bridged(calendar, hours, ()) == hours
