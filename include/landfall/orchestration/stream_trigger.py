"""Watches a stream in the triggerer, so that its run in Airflow holds no worker while the stream goes on for weeks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from landfall.errors import LandfallError

EVERY = 5.0
"""The seconds between two looks."""
TOLD = 60.0
"""The seconds after which the log has a line even if nothing has changed."""


class StreamTrigger(BaseTrigger):
    """Ends when the stream is stopped, or after `seconds`. Until then the task's log says how it stands: at each change, and
    once a minute.

    Args:
        stream: The name of the stream.
        by: Who wants it: the run. If the run is ended by a person, the stream is stopped, unless somebody else wants it by now.
    """

    def __init__(self, stream: str, by: str, seconds: float) -> None:
        super().__init__()
        self.stream, self.by, self.seconds = stream, by, seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.StreamTrigger", {"stream": self.stream, "by": self.by, "seconds": self.seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, when it ends."""
        loop = asyncio.get_running_loop()
        before, told, until = "", -TOLD, loop.time() + self.seconds
        while True:
            word, text = await asyncio.to_thread(self._look)
            if word == "stopped" or loop.time() > until:
                yield TriggerEvent({"state": word})
                return
            if word != before or loop.time() - told > TOLD:
                self.log.info("%s", text)
                before, told = word, loop.time()
            await asyncio.sleep(EVERY)

    async def on_kill(self) -> None:
        """A person has ended the run: the stream is stopped."""
        await asyncio.to_thread(self._stop)

    def _look(self) -> tuple[str, str]:
        """The stream's word, and a line about it; while the database is away, why nothing is known."""
        from landfall.database import connect
        from landfall.pipelines import find_stream
        from landfall.spec import Settings
        from landfall.streams.standing import standing

        try:
            with connect(Settings.read(), longest=5) as conn:
                found = standing(conn, find_stream(self.stream), windows=1)
        except LandfallError as error:
            return "unknown", f"{error.what} {error.looked}"
        line = found.state
        return found.word, (
            f"`{self.stream}` is {found.word}{f' ({found.problem})' if found.problem else ''}: "
            f"{found.rows_per_second:.1f} rows a second, lag {line.lag_rows} rows, {line.lag_seconds:.1f} s, "
            f"version {line.model_version or 'none'}"
        )

    def _stop(self) -> None:
        from landfall.database import connect
        from landfall.spec import Settings
        from landfall.streams.state import unwant

        try:
            with connect(Settings.read(), longest=5) as conn:
                unwant(conn, self.stream, self.by)
        except LandfallError as error:
            self.log.error("%s", error)
