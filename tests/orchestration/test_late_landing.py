"""A wait says that its partition is late when the deadline passes, and says nothing of one that has landed."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from landfall.errors import PublishingError
from landfall.orchestration.steps import late_landing
from landfall.orchestration.steps.late_landing import when_late
from landfall.spec import Landing, Partition

DAY = Partition.parse("2012-12-25")
SAID = "bikes 2012-12-25 is late"


def landing(due: timedelta | None) -> Landing:
    """Where `DAY` lands; its deadline is `due` from now."""
    if due is None:
        return Landing(prefix="bikes")
    return Landing(prefix="bikes", deadline=datetime.now(UTC) + due - DAY.start)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Partition]:
    """What is noted in the ledger."""
    found: list[Partition] = []

    def note(_: Landing, partition: Partition) -> str:
        found.append(partition)
        return SAID

    monkeypatch.setattr(late_landing, "note_late_landing", note)
    return found


def wait(where: Landing, *, cancelled: bool = False) -> float | None:
    """In how many seconds a wait notes it, and the noting itself, at once."""

    async def work() -> float | None:
        handle = when_late(where, DAY)
        if handle is None:
            return None
        left = handle.when() - asyncio.get_running_loop().time()
        handle.cancel()
        if not cancelled:
            late_landing._begin(where, DAY)
            await asyncio.gather(*late_landing._noting)
        return left

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("due", "seconds"),
    [(timedelta(hours=2), 7201), (timedelta(days=40), 40 * 86400 + 1), (timedelta(days=-4000), late_landing.SETTLE)],
)
def test_a_deadline_is_noted_when_it_passes_and_one_that_has_passed_after_a_first_look(
    due: timedelta, seconds: float, noted: list[Partition], caplog: pytest.LogCaptureFixture
) -> None:
    assert wait(landing(due)) == pytest.approx(seconds, abs=60 if seconds > 60 else 1)
    assert noted == [DAY]
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [(logging.WARNING, SAID)]


def test_a_landing_without_a_deadline_is_never_late(noted: list[Partition]) -> None:
    assert wait(landing(None)) is None
    assert noted == []


def test_what_has_landed_meanwhile_is_not_said_to_be_late(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(late_landing, "note_late_landing", lambda *_: "")
    wait(landing(timedelta(0)))
    assert caplog.records == []


def test_a_deadline_that_cannot_be_noted_is_said_and_the_wait_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> str:
        raise PublishingError("The database does not answer.", next="landfall ps")

    monkeypatch.setattr(late_landing, "note_late_landing", away)
    wait(landing(timedelta(0)))
    assert [each.getMessage() for each in caplog.records] == [
        "The deadline of bikes/dt=2012-12-25/ has passed; that could not be noted. "
        "The database does not answer.\n  next: landfall ps"
    ]
