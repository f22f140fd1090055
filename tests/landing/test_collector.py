"""What waits is kept out of the garbage collector's rounds, and still goes when nothing refers to it."""

import gc
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from landfall.landing.waiting.collector import AGAIN, BATCH, QUIET, Collector


class Ring:
    """An object that refers to itself, as a DAG and its tasks do."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """Nothing is set aside for the other tests."""
    yield
    gc.unfreeze()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Python's collector is told."""
    told: list[str] = []
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, lambda name=name: told.append(name))
    return told


def many(one: Collector, waits: int = BATCH) -> None:
    for _ in range(waits):
        one.came()


def test_what_is_imported_is_set_aside_with_the_first_wait_and_waits_when_no_more_come(
    clock: list[float], calls: list[str]
) -> None:
    one = Collector()
    one.came()
    assert calls == ["collect", "freeze"]
    many(one)
    assert calls == ["collect", "freeze", "collect"]
    one.rest()
    assert len(calls) == 3
    clock[0] += QUIET
    one.rest()
    assert calls[3:] == ["collect", "freeze"]
    one.rest()
    assert len(calls) == 5


def test_a_few_waits_change_nothing(clock: list[float], calls: list[str]) -> None:
    one = Collector()
    many(one, BATCH // 2)
    clock[0] += 10 * AGAIN
    one.rest()
    assert calls == ["collect", "freeze"]


def test_after_an_hour_everything_is_looked_at_again(clock: list[float], calls: list[str]) -> None:
    one = Collector()
    many(one, BATCH + 1)
    clock[0] += AGAIN
    one.rest()
    assert calls == ["collect", "freeze", "collect", "unfreeze", "collect", "freeze"]


def test_what_is_set_aside_goes_when_nothing_refers_to_it_and_a_ring_after_an_hour(clock: list[float]) -> None:
    one = Collector()
    one.came()
    plain: Any = type("Plain", (), {})()
    ring = Ring()
    refs = weakref.ref(plain), weakref.ref(ring)
    many(one)
    clock[0] += QUIET
    one.rest()
    del plain, ring
    gc.collect()
    assert [ref() is None for ref in refs] == [True, False]
    clock[0] += AGAIN
    many(one)
    clock[0] += QUIET
    one.rest()
    assert [ref() is None for ref in refs] == [True, True]
