"""A wait for one partition in the triggerer: a future, and its share of one listing (`landfall.landing.waiting.lister`).

Airflow starts it with the template context of its task, which refers to the whole DAG: 10,000 of those would be gigabytes.
So the trigger reads the run's partition from it and lets go of everything else. What all waits have in common is one value.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from typing import Any, NamedTuple, Self

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from opentelemetry import trace

from landfall.errors import LandfallError
from landfall.landing.waiting.lister import landed
from landfall.orchestration.steps.late_landing import when_late
from landfall.orchestration.steps.run_partition import partition_of
from landfall.spec import Landing, Partition, Settings

log = logging.getLogger(__name__)


@lru_cache(maxsize=256)
def landing_of(text: str) -> Landing:
    """The landing that `Landing.to_json` wrote. All waits of one feed share one value."""
    return Landing.from_json(text)


class TaskName(NamedTuple):
    """What Airflow needs to log and trace a waiting task. It does not hold the DAG, as Airflow's own value does."""

    id: Any
    dag_id: str
    task_id: str
    run_id: str
    try_number: int
    map_index: int | None
    context_carrier: dict[str, str] | None

    @classmethod
    def of(cls, task_instance: Any) -> Self:
        """The names of a task instance of any kind; without its trace if nobody records traces."""
        names = cls._make(getattr(task_instance, name, None) for name in cls._fields)
        interned = names._replace(dag_id=sys.intern(names.dag_id), task_id=sys.intern(names.task_id))
        return interned if traced() else interned._replace(context_carrier=None)


def traced() -> bool:
    """True if this process records traces."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)


class LandingTrigger(BaseTrigger):
    """Ends its task with success when the partition is ready.

    An error ends the trigger; the task then goes on in a worker, which reports the error: see `LandingSensor.execute_complete`.
    If the partition's deadline passes meanwhile, that is noted in the task's log and in the ledger.

    Args:
        landing: The landing, as `Landing.to_json` wrote it.
        partition: The partition; empty: that of the run which the trigger is started for.
    """

    calls_sdk = False
    """It does not call Airflow while it runs, so it needs no greenlet: see `lean_triggerer`."""

    def __init__(self, landing: str, partition: str = "") -> None:
        super().__init__()
        self.landing, self.partition = sys.intern(landing), partition
        self.refused: LandfallError | None = None
        self.over = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.LandingTrigger", {"landing": self.landing, "partition": self.partition}

    @property
    def task_instance(self) -> Any:
        """The names of the waiting task; None outside of a triggerer."""
        return self._task_instance

    @task_instance.setter
    def task_instance(self, value: Any) -> None:
        self._task_instance = value and TaskName.of(value)

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Reads the run's partition from the context, and empties the context: nobody reads it afterwards."""
        try:
            if not self.partition:
                self.partition = str(partition_of(context, landing_of(self.landing).calendar))
        except LandfallError as error:
            self.refused = error
        finally:
            context.clear()

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: success, which ends the task, or the error as a dictionary."""
        late: asyncio.TimerHandle | None = None
        try:
            if self.refused:
                raise self.refused
            settings, landing, partition = _settings(), landing_of(self.landing), Partition.parse(self.partition)
            _at_its_turn(self._tell, landing.folder(partition))
            late = when_late(landing, partition)
            await landed(settings.s3, landing, partition, tell=_say, queue_url=settings.sqs_queue_url)
        except LandfallError as error:
            yield TriggerEvent(error.to_dict())
        else:
            yield TaskSuccessEvent()
        finally:
            self.over = True
            if late:
                late.cancel()

    def _tell(self, folder: str) -> None:
        """Writes a line into the log of the task, if it still waits."""
        if not self.over:
            log.info("Waiting for `%s`", folder)


LINES = 20
"""Log lines of this module per second, when many waits come at once."""
_last_line = 0.0
_read: dict[Settings, Settings] = {}


def _settings() -> Settings:
    """The settings; waits that read equal settings share one value."""
    settings = Settings.read()
    return _read.setdefault(settings, settings)


def _at_its_turn(tell: Callable[[str], None], folder: str) -> None:
    """Calls `tell(folder)` at once, or later if many waits come at once; in the context of the task, so that its log gets it.

    The runner logs through a socket that holds about 170 lines, and that Airflow's supervisor reads between its queries. When
    the socket is full, the next line stops the event loop: for 3.6 s, when waits logged as fast as they came.
    """
    global _last_line
    loop = asyncio.get_running_loop()
    _last_line = max(_last_line + 1 / LINES, loop.time() - 1)
    loop.call_at(_last_line, tell, folder)


def _say(error: LandfallError) -> None:
    """Writes an error into the log of the task that waits."""
    log.error("%s", error)
