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

RUN = timedelta(days=7)
"""How long a run watches a stream. Then the next run goes on, so that logs stay short. The stream does not notice."""
FIRST: datetime = pendulum.datetime(2020, 1, 1, tz="UTC")
"""A continuous schedule needs a start date in the past."""


class StreamStep(Step):
    """Wants a stream to run. Ends when it is stopped (`landfall stream stop`, or whoever ends this run), or after a week."""

    limit = RUN + timedelta(hours=1)

    def __init__(self, *, stream: Stream, **kwargs: Any) -> None:
        super().__init__(**kwargs)
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
        self.defer(trigger=StreamTrigger(self.stream.name, by, RUN.total_seconds()), method_name="ended")
        raise AssertionError("unreachable")

    def ended(self, context: Context, event: Mapping[str, Any] | None = None) -> Json:
        """The stream was stopped, or the run's week is over. Reports how it stands."""
        from landfall.database import connect
        from landfall.streams.standing import standing

        with connect(Settings.read()) as conn:
            found = standing(conn, self.stream, windows=1)
        self.log.info("`%s` is %s: %d rows in all", self.stream.name, found.word, found.rows)
        return {"stream": self.stream.name, "rows": found.rows, "batch": found.state.batch}


def stream_dag(stream: Stream, *, doc_md: str) -> DAG:
    """A DAG that keeps a stream running: one run at a time, and a new one when it ends. It is switched off at first."""
    return DAG(
        stream.name,
        schedule="@continuous",
        start_date=FIRST,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=RUN + timedelta(hours=2),
        is_paused_upon_creation=True,
        default_args={"owner": OWNER, "retries": 4, "retry_delay": PAUSE, "max_retry_delay": timedelta(minutes=5)},
        tags=["landfall", "stream", stream.model],
        description=title_of(doc_md),
        doc_md=doc_md,
    )


def run_stream(stream: Stream) -> StreamStep:
    """The task of a stream's run."""
    return StreamStep(task_id="run_stream", stream=stream)
