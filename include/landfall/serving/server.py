"""Runs the service on uvicorn."""

import json
import logging
import sys
import time

import uvicorn

from landfall.serving.app import make_app
from landfall.serving.settings import ServingSettings

DRAIN = 15
"""Seconds that requests under way get to end after SIGTERM. New ones are no longer accepted."""
CONNECTIONS = 4_096
"""The most connections of callers, the idle ones too. How many requests may be under way is another number (`front.py`)."""


def serve(settings: ServingSettings, *, host: str, port: int) -> None:
    """Answers on `host`:`port` until the process is asked to end.

    Raises:
        SpecError: a declared table cannot be served under its name.
    """
    _log_to_stdout()
    uvicorn.run(
        make_app(settings),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN,
        timeout_keep_alive=30,
        limit_concurrency=CONNECTIONS,
        backlog=CONNECTIONS,
        ws="none",
    )


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # No line names a thread, a process or a place in the code, and to find them takes half of a line's time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


class _Lines(logging.Formatter):
    """A line of JSON for each message. The message of an access line is JSON already."""

    def __init__(self) -> None:
        super().__init__()
        self._second, self._text = 0, ""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        said = message if record.name == "landfall.serving.access" else json.dumps(message)
        second = int(record.created)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        at = f"{self._text},{int(record.msecs):03d}"
        return f'{{"at": "{at}", "level": "{record.levelname}", "logger": "{record.name}", "said": {said}}}'
