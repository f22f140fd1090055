"""A lean triggerer does what Airflow's own does, and keeps less; an Airflow that is another is left as it is."""

import asyncio
import gc
import importlib
import json
import logging
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import greenback
import pytest
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.jobs import triggerer_job_runner
from airflow.triggers.base import BaseTrigger, TriggerEvent
from opentelemetry import trace

from landfall.orchestration.airflow_patches import lean_triggerer
from landfall.orchestration.airflow_patches.lean_triggerer import (
    UNKNOWN,
    keep_logs_closed,
    known,
    prepare,
    spare_greenlets,
    spare_spans,
    tell_at_once,
)
from landfall.orchestration.landing_trigger import LandingTrigger
from landfall.spec import Landing

NAMES = ("TriggerLoggingFactory", "anyio", "greenback", "_make_trigger_span")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Airflow's triggerer, as it was again afterwards."""
    for name in NAMES:
        monkeypatch.setattr(triggerer_job_runner, name, getattr(triggerer_job_runner, name))
    runner = triggerer_job_runner.TriggerRunner
    for name in ("__init__", "run_trigger"):
        monkeypatch.setattr(runner, name, getattr(runner, name))
    return triggerer_job_runner


@pytest.fixture
def ti() -> TaskInstanceDTO:
    """A task that waits, as the supervisor knows it."""
    return TaskInstanceDTO(
        id=uuid.UUID(int=1), dag_version_id=uuid.UUID(int=2), dag_id="d", task_id="t", run_id="r", try_number=1,
        map_index=-1, pool_slots=1, queue="default", priority_weight=1, context_carrier={"traceparent": "x"},
    )  # fmt: skip


class Asks(BaseTrigger):
    """A trigger of somebody else's: has it a portal, and which span is the current one?"""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.{type(self).__name__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent((greenback.has_portal(), trace.get_current_span() is trace.INVALID_SPAN))


class AsksNothing(Asks):
    """The same, but it says that it does not call the SDK."""

    calls_sdk = False


def told(module: Any, *triggers: BaseTrigger) -> list[Any]:
    """What the triggers fire in one runner of Airflow's."""

    async def work() -> list[Any]:
        runner = module.TriggerRunner()
        for number, trigger in enumerate(triggers, 1):
            runner.triggers[number] = {
                "task": asyncio.create_task(runner.run_trigger(number, trigger, None, None)),
                "is_watcher": False, "name": f"one {number}", "events": 0,
            }  # fmt: skip
        await asyncio.gather(*(each["task"] for each in runner.triggers.values()))
        return [entry.event.payload for entry in sorted(runner.events)]

    return asyncio.run(work())


# Airflow


def test_airflow_s_triggerer_is_the_one_that_landfall_knows() -> None:
    assert known(triggerer_job_runner)


def test_a_process_that_is_to_become_a_triggerer_is_made_lean() -> None:
    code = (
        "import gc, sys; from landfall.orchestration.airflow_patches.lean_triggerer import prepare; "
        "assert prepare() and gc.get_freeze_count() > 100_000; from airflow.jobs import triggerer_job_runner as it; "
        "print('lean:', it.TriggerLoggingFactory.__name__, it.greenback.__name__, 'aiobotocore.session' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=600)
    assert "lean: BriefLog greenback True" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("known_line", "other_line"),
    [
        ("with anyio.move_on_after(1):", "with anyio.fail_after(1):"),
        ("await stop_event.wait()", "await anyio.sleep_until(stop_event.wait())"),
        ("while not self.stop:", "while not stop_event.is_set():"),
    ],
)
def test_a_runner_that_sleeps_otherwise_is_another_triggerer(known_line: str, other_line: str, tmp_path: Path) -> None:
    source = Path(triggerer_job_runner.__file__).read_text()
    assert known_line in source
    (tmp_path / "other.py").write_text(source.replace(known_line, other_line))
    other = SimpleNamespace(**{**vars(triggerer_job_runner), "__file__": str(tmp_path / "other.py")})
    assert known(other) is False


@pytest.mark.parametrize(
    "lacking",
    [
        {"TriggerLoggingFactory": SimpleNamespace()},
        {"TriggerRunner": SimpleNamespace()},
        {"greenback": SimpleNamespace()},
        {"_make_trigger_span": lambda trigger: None},
        {"anyio": SimpleNamespace()},
        {"stats": None},
    ],
    ids=lambda lacking: next(iter(lacking)),
)
def test_another_triggerer_is_left_as_it_is(
    lacking: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = SimpleNamespace(**{**vars(triggerer_job_runner), "prepare": lambda: None, **lacking})
    before = dict(vars(other))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(importlib, "import_module", lambda name: other)
    assert prepare() is False
    assert vars(other) == before
    assert [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR] == [UNKNOWN]


# Logs


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Airflow keeps the logs of tasks."""
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    return tmp_path


def test_a_log_is_open_only_while_a_line_is_written(module: Any, ti: TaskInstanceDTO, logs: Path) -> None:
    keep_logs_closed(module)
    factory = module.TriggerLoggingFactory(log_path="dag_id=d/run_id=r/a.log.trigger.1.log", ti=ti)
    file = logs / "dag_id=d" / "run_id=r" / "a.log.trigger.1.log"
    assert not file.exists()
    for line in ("one", "two"):
        factory([lambda _logger, _level, event: json.dumps(event).encode()]).log(logging.INFO, line, dag_id="d")
        assert str(file) not in [str(each.resolve()) for each in Path("/proc/self/fd").iterdir() if each.exists()]
    factory.close()
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["one", "two"]


def test_a_log_is_handed_to_the_remote_log_as_airflow_does(
    module: Any, ti: TaskInstanceDTO, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, Any]] = []
    handler = SimpleNamespace(upload=lambda path, ti: sent.append((path, ti)))
    monkeypatch.setattr("airflow.sdk.log.load_remote_log_handler", lambda: handler)
    keep_logs_closed(module)
    factory = module.TriggerLoggingFactory(log_path="dag_id=d/a.log", ti=ti)
    factory.upload_to_remote()
    assert sent == [("dag_id=d/a.log", ti)]


# Greenlets and spans


def test_only_a_trigger_that_says_so_has_no_portal(module: Any) -> None:
    assert told(module, Asks(), AsksNothing()) == [(True, True), (True, True)]
    spare_greenlets(module)
    assert told(module, Asks(), AsksNothing(), Asks()) == [(True, True), (False, True), (True, True)]
    assert LandingTrigger(Landing(prefix="a").to_json()).calls_sdk is False


def test_a_span_is_opened_where_somebody_records_it(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Any, ...]] = []
    original = module._make_trigger_span

    def counted(ti: Any, trigger_id: int, name: str) -> Any:
        opened.append((ti, trigger_id, name))
        return original(ti, trigger_id, name)

    monkeypatch.setattr(module, "_make_trigger_span", counted)
    spare_spans(module)
    told(module, Asks())
    assert opened == []
    monkeypatch.setattr(lean_triggerer, "traced", lambda: True)
    told(module, Asks())
    assert opened == [(None, 1, "one 1")]


# Events


class Fires(BaseTrigger):
    """A trigger that fires two events, the second when it is `told` that the first is."""

    def __init__(self, told: asyncio.Event) -> None:
        super().__init__()
        self.told = told

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.{type(self).__name__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(0.05)
        yield TriggerEvent("one")
        await self.told.wait()
        yield TriggerEvent("two")


def test_what_is_fired_is_told_before_the_next_second(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_at_once(module)
    pause = module.anyio.move_on_after
    module.anyio.move_on_after = lambda seconds: pause(3600 * seconds)  # the next second never comes

    async def work() -> list[str]:
        runner, events, told = module.TriggerRunner(), [], asyncio.Event()

        async def begin() -> None:
            runner.comms_decoder = SimpleNamespace(_reader_task=asyncio.create_task(asyncio.sleep(3600)))
            task = asyncio.create_task(runner.run_trigger(1, Fires(told), None, None))
            runner.triggers[1] = {"task": task, "is_watcher": False, "name": "one", "events": 0}

        async def tell(finished: list[int]) -> None:
            for entry in runner.process_trigger_events(finished).events or ():
                events.append(entry.event.payload)
                told.set()
            if events[-1:] == ["two"]:
                runner._handle_signal(15, None)

        monkeypatch.setattr(runner, "init_comms", begin)
        monkeypatch.setattr(runner, "sync_state_to_supervisor", tell)
        async with asyncio.timeout(60):
            await runner.arun()
        return events

    assert asyncio.run(work()) == ["one", "two"]
