"""A triggerer in which ten thousand waits cost next to nothing: it does only when needed what Airflow's own does for each wait.

`python -m landfall.stack.airflow triggerer` calls `prepare` before Airflow's triggerer starts. It changes four things in
that process and in the one that it forks:

* Airflow's supervisor keeps the log file of every waiting task open, with a buffer, and the task as a value: 4 kB and one
  open file per wait. Here a file is opened for a line and then closed, and the task is kept as text.
* Airflow's runner gives every trigger a greenlet, for triggers that call the SDK synchronously: 6 kB per wait. Here a trigger
  gets none if its class says, with `calls_sdk = False`, that it never does.
* Airflow's runner opens a span for every trigger, even if nobody records traces: 2 kB per wait. Here it opens none then.
* Airflow's runner reports fired triggers to its supervisor once a second. Here it reports them at once: otherwise a run would
  go on half a second later than it could, on average, or a whole second later if the listing is made just after the report.

Both processes also start with everything imported that they need, and share that memory: the first wait adds 25 MB instead of
88. A triggerer that is started in another way does the same work with more memory. If Airflow's triggerer is not the known
one, nothing is changed, and the log says so.
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
"""What a runner would import with its first wait, a second in which its event loop would do nothing."""
UNKNOWN = "This Airflow's triggerer is not the one Landfall knows: waits work, and take more memory and time."
GATHERED = 0.1
"""Seconds for which events are gathered if many are fired."""
log = logging.getLogger(__name__)


def prepare() -> bool:
    """Makes this process, which is about to become a triggerer, a lean one; false if Airflow's triggerer is unknown."""
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
    # The runner's garbage collector would write to every object that it inherits, and so copy its memory.
    gc.collect()
    gc.freeze()
    return lean


def known(module: Any) -> bool:
    """True if Airflow's triggerer still does what is changed here in the way it did when this was written."""
    try:
        files, runner = module.TriggerLoggingFactory, module.TriggerRunner
        opens, makes, runs = (
            files.__call__.__code__,
            module.TriggerRunnerSupervisor._create_workload,
            runner.run_trigger,
        )
        return (
            [attribute.name for attribute in files.__attrs_attrs__] == ["log_path", "ti", "bound_logger", "_filehandle"]
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
    """True if the runner uses all of anyio and of its sleep that `tell_at_once` replaces, and nothing else."""
    runner, source = module.TriggerRunner, Path(module.__file__).read_text()
    members, rung = (set(re.findall(rf"{name}\.(\w+)", source)) for name in (r"\banyio", "stop_event"))
    return (
        members == {"Event", "move_on_after"}
        and all(hasattr(module.anyio, member) for member in members)
        and rung == {"set", "wait"}
        and {"stop_event", "_stop_event"} <= {*runner.arun.__code__.co_varnames, *runner.arun.__code__.co_names}
        and {"deque", "events"} <= {*runner.__init__.__code__.co_names}
        and {"events", "append"} <= {*runner.run_trigger.__code__.co_names}
        and {"events", "popleft"} <= {*runner.process_trigger_events.__code__.co_names}
    )


def keep_logs_closed(module: Any) -> None:
    """In the supervisor: opens a waiting task's log for one line, and closes it."""
    factory = module.TriggerLoggingFactory

    class BriefLog(factory):  # type: ignore[misc, valid-type]
        """The log of one trigger; it has the methods that Airflow's supervisor calls."""

        __slots__ = ()

        def __init__(self, *, log_path: str, ti: Any) -> None:
            # Kept as text and parsed again when needed: the value itself would take 1.5 kB more.
            super().__init__(log_path=log_path, ti=ti.model_dump_json())

        def __call__(self, processors: Iterable[Any]) -> Any:
            """A logger whose file is open only while a line is written."""
            import structlog

            file: Any = _LogFile(self.log_path)
            return structlog.wrap_logger(structlog.BytesLogger(file), processors=processors).bind()

        def close(self) -> None:
            """Does nothing: no file is open."""

        def upload_to_remote(self) -> None:
            """Hands the file to the handler of remote logs, if there is one."""
            whole = factory(log_path=self.log_path, ti=module.TaskInstanceDTO.model_validate_json(self.ti))
            whole.bound_logger = self([])
            whole.upload_to_remote()

    module.TriggerLoggingFactory = BriefLog


class _LogFile:
    """A log file of Airflow that is opened for each line."""

    def __init__(self, log_path: str) -> None:
        from airflow.sdk.log import init_log_file

        self.name = str(init_log_file(log_path))

    def write(self, line: bytes) -> int:
        with Path(self.name).open("ab") as file:
            return file.write(line)

    def flush(self) -> None:
        """Does nothing: every line is flushed."""

    def fileno(self) -> int:
        """-1, as the file is not open."""
        return -1


def spare_greenlets(module: Any) -> None:
    """In the runner: gives no greenlet to a trigger with `calls_sdk = False`."""
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
    """In the runner: opens no span if nobody records any."""
    original, none = module._make_trigger_span, nullcontext(trace.INVALID_SPAN)

    def span(ti: Any, trigger_id: int, name: str) -> AbstractContextManager[trace.Span]:
        spans: AbstractContextManager[trace.Span] = original(ti, trigger_id, name) if traced() else none
        return spans

    module._make_trigger_span = span


def tell_at_once(module: Any) -> None:
    """In the runner: sends what a trigger fires to the supervisor at once, not with the next second."""
    original = module.TriggerRunner.__init__

    def __init__(self: Any, *more: Any, **named: Any) -> None:
        original(self, *more, **named)
        self.events = _Events(self)

    module.TriggerRunner.__init__ = __init__
    module.anyio = SimpleNamespace(Event=Bell, move_on_after=module.anyio.move_on_after)


class Bell:
    """What the runner sleeps on until it has to stop. Ringing it ends one sleep."""

    def __init__(self) -> None:
        self._stopped, self._rung, self._last = False, asyncio.Event(), 0.0

    def set(self) -> None:
        """Ends every sleep from now on."""
        self._stopped = True
        self._rung.set()

    def ring(self) -> None:
        """Ends the present sleep, or the next one; at the earliest `GATHERED` seconds after the last sleep that was ended so."""
        self._rung.set()

    async def wait(self) -> None:
        """Sleeps."""
        clock = asyncio.get_running_loop().time
        await self._rung.wait()
        if not self._stopped:
            await asyncio.sleep(self._last + GATHERED - clock())
            self._last = clock()
            self._rung.clear()


class _Events(deque[Any]):
    """The events that a runner has to report."""

    def __init__(self, runner: Any) -> None:
        super().__init__()
        self._runner = weakref.ref(runner)

    def append(self, event: Any) -> None:
        super().append(event)
        if (runner := self._runner()) and isinstance(bell := runner._stop_event, Bell):
            bell.ring()
