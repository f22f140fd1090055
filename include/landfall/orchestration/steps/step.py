"""What every step of a run shares: its partition, the servers' addresses, and errors that end a run or lead to a retry."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Asset, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from landfall.errors import LandfallError
from landfall.orchestration.installed import check_installed
from landfall.orchestration.lineage.provider import TellsLineage
from landfall.orchestration.steps.run_partition import partition_of
from landfall.spec import Calendar, Feed, Settings

if TYPE_CHECKING:
    from landfall.partitions import Trip

StepReport = dict[str, Any] | list[dict[str, Any]] | None
"""What a step reports to the steps after it (XCom)."""


SERVERS = timedelta(minutes=5)
"""How long a step's requests to S3, Postgres, the registry and Airflow may take; they take seconds if the servers answer."""
GRACE = timedelta(minutes=1)
"""How much time a step has after its limit to stop what it does; then its process is killed."""


class Step(TellsLineage, BaseOperator):
    """A step of a run. Subclasses write `run`; what it returns is the step's report (XCom)."""

    feed: Feed | None = None
    """The feed whose partition the run makes; None for a step of another kind of run."""
    partition: str = ""
    """That partition, from the start of the step on."""
    limit: ClassVar[timedelta] = SERVERS
    """How long such a step may take; a step with a job has the limit of that job in addition."""

    @property
    def calendar(self) -> Calendar:
        """The partitions of its feed."""
        return self.feed.landing.calendar if self.feed else Calendar()

    def __init__(self, **kwargs: Any) -> None:
        check_installed()
        super().__init__(**{"execution_timeout": self.limit, **kwargs})

    def execute(self, context: Context) -> StepReport:
        """Runs the step; an error that no retry mends fails the task at once."""
        return self.carry_out(context, lambda: self.run(context, Settings.read()))

    def carry_out(self, context: Context, work: Callable[[], StepReport]) -> StepReport:
        """The report of `work`, which is also kept for the lineage.

        Raises:
            AirflowFailException: the input or the request is at fault, which no retry mends. A fault of the input is noted in
                the ledger, so that no audit starts the run again.
            AirflowSkipException: there is nothing to do; the reason is in the log.
            LandfallError: a server is at fault; the task is tried again.
            AirflowTaskTimeout: it took longer than its limit; the task is tried again.
        """
        try:
            with killed_after(self._limit + GRACE, self.log):
                self.partition = str(partition_of(context, self.calendar)) if self.feed else ""
                self.reported = work()
        except AirflowTaskTimeout:
            raise AirflowTaskTimeout(str(self.too_long(Settings.read()))) from None
        except AirflowSkipException as why:
            self.log.info("Skipped: %s", why)  # Airflow says so too, in a part of the log that the UI folds away
            raise
        except LandfallError as error:
            if error.fault == "server":
                raise
            if error.fault == "input" and self.feed:
                self._refuse(context, self.feed, error)
            raise AirflowFailException(str(error)) from error
        return self.reported

    def too_long(self, settings: Settings) -> LandfallError:
        """The error of a step that took longer than its limit."""
        return LandfallError(
            f"`{self.task_id}` took longer than {self._limit}.",
            looked="S3, Postgres, the registry and Airflow, which it uses",
            left="what it had begun was undone, what was published stays; it is tried again",
            next="landfall ps",
        )

    @property
    def _limit(self) -> timedelta:
        return self.execution_timeout or self.limit

    def _refuse(self, context: Context, feed: Feed, error: LandfallError) -> None:
        from landfall.database import connect
        from landfall.partitions import refuse

        settings = Settings.read()
        with connect(settings) as database:
            refuse(database, trip_of(feed, context, settings), partition_of(context, self.calendar), error)

    def run(self, context: Context, settings: Settings) -> StepReport:
        """The work of the step."""
        raise NotImplementedError

    def note(self, context: Context, asset: Asset, extra: Mapping[str, Any]) -> None:
        """Puts `extra` on the event that `asset` emits when this step succeeds."""
        context["outlet_events"][asset].extra = dict(extra)


def trip_of(feed: Feed, context: Context, settings: Settings) -> "Trip":
    """The trip that the run of `context` makes with its partition."""
    from landfall.partitions import Trip
    from landfall.pipelines import find_pipeline

    return Trip(settings, find_pipeline(feed.pipeline), feed, context["run_id"])


@contextmanager
def killed_after(limit: timedelta, log: Any) -> Iterator[None]:
    """Kills this process if what is inside the `with` takes longer than `limit`.

    Airflow ends a task that is over its limit with a signal, which Python handles between two steps of its own: a library that
    hangs in C code never gets it, and would hold its worker for ever.
    """

    def kill() -> None:
        log.error("Still at it %s after its start: the process is killed. The task is tried again.", limit)
        os.kill(os.getpid(), signal.SIGKILL)

    watch = threading.Timer(limit.total_seconds(), kill)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
