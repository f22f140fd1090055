"""Signs of life while a batch is at work, in a real database."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from landfall.pipelines.libsvm import LIBSVM_STREAM
from landfall.spec import Settings
from landfall.streams import pulse as room
from landfall.streams.driver import _give_up
from landfall.streams.pulse import pulse
from landfall.streams.state import StreamState, state_of, take


@dataclass(frozen=True)
class Where:
    """Where the database is."""

    database_url: str


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PAUSE", 0.1)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("quick")
def test_a_batch_that_takes_long_gives_signs_of_life_until_it_ends(
    emptied: "psycopg.Connection[tuple[object, ...]]", database_url: str
) -> None:
    def beaten() -> datetime:
        found = state_of(emptied, "s").heartbeat
        assert found is not None
        return found

    epoch = take(emptied, "s", "a test")
    with pulse(Where(database_url), epoch, lambda: StreamState(name="s", state="starting", lag_rows=7)):
        first = beaten()
        until(lambda: beaten() > first)
        assert (state_of(emptied, "s").state, state_of(emptied, "s").lag_rows) == ("starting", 7)
    ended = beaten()
    time.sleep(0.5)
    assert beaten() == ended


@pytest.mark.usefixtures("quick")
def test_one_that_hangs_gives_none_after_a_while_and_a_lost_epoch_none_at_all(
    emptied: "psycopg.Connection[tuple[object, ...]]", database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LONGEST", 0.0)
    hung = take(emptied, "hung", "a test")
    lost = take(emptied, "lost", "a test")
    take(emptied, "lost", "another")
    before = [state_of(emptied, name).heartbeat for name in ("hung", "lost")]
    with pulse(Where(database_url), hung, lambda: StreamState(name="hung")):
        time.sleep(0.5)
    monkeypatch.setattr(room, "LONGEST", 60.0)
    with pulse(Where(database_url), lost, lambda: StreamState(name="lost")):
        time.sleep(0.5)
    assert [state_of(emptied, name).heartbeat for name in ("hung", "lost")] == before


@pytest.mark.usefixtures("quick")
def test_a_database_that_is_away_is_left_to_the_batch_itself() -> None:
    with pulse(Where("postgresql://nobody@127.0.0.1:1/x"), 1, lambda: StreamState(name="s")):
        time.sleep(0.4)


@pytest.mark.usefixtures("quick")
def test_whoever_drives_a_batch_that_hangs_is_told_so_and_of_one_that_ends_is_not(
    emptied: "psycopg.Connection[tuple[object, ...]]", database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    epoch = take(emptied, "s", "a test")
    with pulse(Where(database_url), epoch, lambda: StreamState(name="s"), lambda: told.append("too early")):
        time.sleep(0.3)
    monkeypatch.setattr(room, "LONGEST", 0.3)
    with pulse(Where(database_url), epoch, lambda: StreamState(name="s"), lambda: told.append("hangs")):
        until(lambda: bool(told))
    assert told == ["hangs"]


def test_a_batch_that_hangs_is_written_down_before_the_process_is_ended(
    emptied: "psycopg.Connection[tuple[object, ...]]", local_settings: Settings
) -> None:
    epoch, ended = take(emptied, LIBSVM_STREAM.name, "a test"), list[str]()
    stuck: Any = SimpleNamespace(epoch=epoch, session=SimpleNamespace(address="sc://127.0.0.1:1"))

    _give_up(local_settings, LIBSVM_STREAM, stuck, lambda: ended.append(state_of(emptied, LIBSVM_STREAM.name).state))

    assert ended == ["failing"]
    problem = state_of(emptied, LIBSVM_STREAM.name).problem
    assert problem == f"A batch of `{LIBSVM_STREAM.name}` has not ended in 10 minutes. Spark at sc://127.0.0.1:1"
