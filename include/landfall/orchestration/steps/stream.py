"""A stream as a task: wants it running, and waits in the triggerer until somebody stops it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Context

from landfall.json_values import Json
from landfall.orchestration.frames import OWNER, PAUSE, title_of
from landfall.orchestration.steps.step import Step
from landfall.orchestration.stream_trigger import StreamTrigger
from landfall.spec import Settings, Stream

FIRST: datetime = pendulum.datetime(2020, 1, 1, tz="UTC")
"""A continuous schedule needs a start date in the past."""


class StreamStep(Step):
    """Wants a stream to run. Ends when it is stopped: by `landfall stream stop`, or by whoever ends this run."""

    def __init__(self, *, stream: Stream, **kwargs: Any) -> None:
        super().__init__(execution_timeout=None, **kwargs)
        self.stream = stream

    def run(self, context: Context, settings: Settings) -> Json:
        """Writes the wish down and goes to the triggerer.

        Raises:
            SettingsError: there is no broker.
            TaskDeferred: always.
        """
        from landfall.database import connect
        from landfall.streams.state import want
        from landfall.streams.topics import broker_of

        broker_of(settings)
        by = f"run {context['run_id']}"
        with connect(settings) as conn:
            want(conn, self.stream.name, "running", by)
        self.defer(trigger=StreamTrigger(self.stream.name, by), method_name="stopped")
        raise AssertionError("unreachable")

    def stopped(self, context: Context, event: Mapping[str, Any] | None = None) -> Json:
        """The stream was stopped. Reports how it stood."""
        from landfall.database import connect
        from landfall.streams.standing import standing

        with connect(Settings.read()) as conn:
            found = standing(conn, self.stream, windows=1)
        self.log.info("`%s` was stopped: %d rows in all", self.stream.name, found.rows)
        return {"stream": self.stream.name, "rows": found.rows, "batch": found.state.batch}


def stream_dag(stream: Stream, *, doc_md: str) -> DAG:
    """A DAG that keeps a stream running: one run at a time, and a new one when it ends. It is switched off at first."""
    return DAG(
        stream.name,
        schedule="@continuous",
        start_date=FIRST,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=True,
        default_args={"owner": OWNER, "retries": 4, "retry_delay": PAUSE, "max_retry_delay": timedelta(minutes=5)},
        tags=["landfall", "stream", stream.model],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def run_stream(stream: Stream) -> StreamStep:
    """The task of a stream's run."""
    return StreamStep(task_id="run_stream", stream=stream)
