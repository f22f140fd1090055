"""A triggerer in which ten thousand waits cost next to nothing: what Airflow's own does for each, done when it is needed.

`python -m landfall.stack.airflow triggerer` calls `prepare` before Airflow's triggerer starts. It changes four things in
that process and in the one that it forks:

* Airflow's supervisor keeps the log file of every waiting task open, with a buffer, and the task as a value: 4 kB and one
  open file a wait. Here a file is opened for a line and closed after it, and the task is kept as text.
* Airflow's runner gives every trigger a greenlet, for those that call the SDK synchronously: 6 kB a wait. Here a trigger
  whose class says that it never does, with `calls_sdk = False`, gets none.
* Airflow's runner opens a span for every trigger, also where nobody records traces: 2 kB a wait. Here not.
* Airflow's runner tells its supervisor once a second what has been fired. Here at once: a landing is half a second older
  than it need be before its run goes on, or a whole one where the listing is made just after that second.

And both processes begin as one that has imported what they need, and share that memory: 25 MB more with the first wait,
instead of 88. A triggerer that is started otherwise does the same work in more memory. On an Airflow whose triggerer is
another, nothing is changed, and the log says so.
"""

import asyncio
import gc
import importlib
import logging
import re
import weakref
from collections import deque
from collections.abc import Coroutine, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from opentelemetry import trace

from landfall.orchestration.landing_trigger import traced

TRIGGERER = "airflow.jobs.triggerer_job_runner"
SHARED = (
    "airflow.api_fastapi.execution_api.datamodels.taskinstance",
    "airflow.serialization.decoders",
    "airflow.serialization.serialized_objects",
    "aiohttp",
    "landfall.landing.events.messages",
    "landfall.orchestration.landing_trigger",
    "landfall.orchestration.landing_watcher",
)
"""What a runner imports with its first wait: a second in which its event loop would do nothing."""
UNKNOWN = "This Airflow's triggerer is not the one Landfall knows: waits work, and take more memory and time."
TOGETHER = 0.1
"""Seconds for which events are gathered when many are fired."""
log = logging.getLogger(__name__)


def prepare() -> bool:
    """Make this process, which is to become a triggerer, a lean one; False if Airflow's triggerer is unknown."""
    module = importlib.import_module(TRIGGERER)
    for name in SHARED:
        importlib.import_module(name)
    importlib.import_module("landfall.landing.waiting.lister").prepare()
    lean = known(module)
    if lean:
        keep_logs_closed(module)
        spare_greenlets(module)
        spare_spans(module)
        tell_at_once(module)
        module.stats.incr("triggers.blocked_main_thread", 0)  # reads the names of all metrics, which takes 0.2 s
    else:
        log.error(UNKNOWN)
    # The runner's collector would write into every object that it inherits, and so make it a copy.
    gc.collect()
    gc.freeze()
    return lean


def known(module: Any) -> bool:
    """Whether Airflow's triggerer does what is changed here the way it did when this was written."""
    try:
        files, runner = module.TriggerLoggingFactory, module.TriggerRunner
        opens, makes, runs = (
            files.__call__.__code__,
            module.TriggerRunnerSupervisor._create_workload,
            runner.run_trigger,
        )
        return (
            [each.name for each in files.__attrs_attrs__] == ["log_path", "ti", "bound_logger", "_filehandle"]
            and {"init_log_file", "BytesLogger", "wrap_logger"} <= {*opens.co_names}
            and "TriggerLoggingFactory" in makes.__code__.co_names
            and {"greenback", "ensure_portal"} <= {*runs.__code__.co_names}
            and runs.__code__.co_varnames[:3] == ("self", "trigger_id", "trigger")
            and "_make_trigger_span" in runs.__code__.co_names
            and module._make_trigger_span.__code__.co_varnames[:3] == ("ti", "trigger_id", "name")
            and hasattr(module.greenback, "ensure_portal")
            and hasattr(module.stats, "incr")
            and _sleeps_as_known(module)
        )
    except AttributeError:
        return False


def _sleeps_as_known(module: Any) -> bool:
    """Whether the runner asks of anyio and of what it sleeps on all that `tell_at_once` puts there, and no more."""
    runner, source = module.TriggerRunner, Path(module.__file__).read_text()
    members, rung = (set(re.findall(rf"{name}\.(\w+)", source)) for name in (r"\banyio", "stop_event"))
    return (
        members == {"Event", "move_on_after"}
        and all(hasattr(module.anyio, each) for each in members)
        and rung == {"set", "wait"}
        and {"stop_event", "_stop_event"} <= {*runner.arun.__code__.co_varnames, *runner.arun.__code__.co_names}
        and {"deque", "events"} <= {*runner.__init__.__code__.co_names}
        and {"events", "append"} <= {*runner.run_trigger.__code__.co_names}
        and {"events", "popleft"} <= {*runner.process_trigger_events.__code__.co_names}
    )


def keep_logs_closed(module: Any) -> None:
    """In the supervisor: open a waiting task's log for a line, and close it after."""
    factory = module.TriggerLoggingFactory

    class BriefLog(factory):  # type: ignore[misc, valid-type]
        """Where the lines of one trigger go, as Airflow's supervisor asks for it and lets go of it."""

        __slots__ = ()

        def __init__(self, *, log_path: str, ti: Any) -> None:
            # As text, and made again when it is asked for: the value itself takes 1.5 kB more.
            super().__init__(log_path=log_path, ti=ti.model_dump_json())

        def __call__(self, processors: Iterable[Any]) -> Any:
            """A logger whose file is open while a line is written."""
            import structlog

            file: Any = _LogFile(self.log_path)
            return structlog.wrap_logger(structlog.BytesLogger(file), processors=processors).bind()

        def close(self) -> None:
            """Nothing is open."""

        def upload_to_remote(self) -> None:
            """Hand the file to the remote log's handler, if there is one."""
            whole = factory(log_path=self.log_path, ti=module.TaskInstanceDTO.model_validate_json(self.ti))
            whole.bound_logger = self([])
            whole.upload_to_remote()

    module.TriggerLoggingFactory = BriefLog


class _LogFile:
    """A file of Airflow's logs that is opened for each line."""

    def __init__(self, log_path: str) -> None:
        from airflow.sdk.log import init_log_file

        self.name = str(init_log_file(log_path))

    def write(self, line: bytes) -> int:
        with Path(self.name).open("ab") as file:
            return file.write(line)

    def flush(self) -> None:
        """Every line is."""

    def fileno(self) -> int:
        """No number: it is not open."""
        return -1


def spare_greenlets(module: Any) -> None:
    """In the runner: no greenlet for a trigger with `calls_sdk = False`."""
    original, real = module.TriggerRunner.run_trigger, module.greenback
    spared: weakref.WeakSet[Any] = weakref.WeakSet()

    def run_trigger(self: Any, trigger_id: int, trigger: Any, *more: Any, **named: Any) -> Coroutine[Any, Any, None]:
        coroutine: Coroutine[Any, Any, None] = original(self, trigger_id, trigger, *more, **named)
        if not getattr(trigger, "calls_sdk", True):
            spared.add(coroutine)
        return coroutine

    async def ensure_portal() -> None:
        task = asyncio.current_task()
        coroutine = task and task.get_coro()
        if coroutine in spared:
            spared.discard(coroutine)
        else:
            await real.ensure_portal()

    module.TriggerRunner.run_trigger = run_trigger
    module.greenback = SimpleNamespace(**{**vars(real), "ensure_portal": ensure_portal})


def spare_spans(module: Any) -> None:
    """In the runner: no span where nobody records one."""
    original, none = module._make_trigger_span, nullcontext(trace.INVALID_SPAN)

    def span(ti: Any, trigger_id: int, name: str) -> AbstractContextManager[trace.Span]:
        spans: AbstractContextManager[trace.Span] = original(ti, trigger_id, name) if traced() else none
        return spans

    module._make_trigger_span = span


def tell_at_once(module: Any) -> None:
    """In the runner: what a trigger fires goes to the supervisor when it is fired, not with the next second."""
    original = module.TriggerRunner.__init__

    def __init__(self: Any, *more: Any, **named: Any) -> None:
        original(self, *more, **named)
        self.events = _Events(self)

    module.TriggerRunner.__init__ = __init__
    module.anyio = SimpleNamespace(Event=Bell, move_on_after=module.anyio.move_on_after)


class Bell:
    """What the runner sleeps on until it is to stop; ringing it ends one sleep."""

    def __init__(self) -> None:
        self._stopped, self._rung, self._last = False, asyncio.Event(), 0.0

    def set(self) -> None:
        """End every sleep from now on."""
        self._stopped = True
        self._rung.set()

    def ring(self) -> None:
        """End the sleep of now, or the next one, at the earliest `TOGETHER` after the last that was ended so."""
        self._rung.set()

    async def wait(self) -> None:
        """Sleep."""
        clock = asyncio.get_running_loop().time
        await self._rung.wait()
        if not self._stopped:
            await asyncio.sleep(self._last + TOGETHER - clock())
            self._last = clock()
            self._rung.clear()


class _Events(deque[Any]):
    """The events that a runner has to tell."""

    def __init__(self, runner: Any) -> None:
        super().__init__()
        self._runner = weakref.ref(runner)

    def append(self, event: Any) -> None:
        super().append(event)
        if (runner := self._runner()) and isinstance(bell := runner._stop_event, Bell):
            bell.ring()
