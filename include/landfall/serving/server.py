"""Runs the service on uvicorn."""

import logging
import sys

import uvicorn

from landfall.serving.app import make_app
from landfall.serving.settings import ServingSettings

DRAIN = 15
"""Seconds that requests under way get to end after SIGTERM. New ones are no longer accepted."""


def serve(settings: ServingSettings, *, host: str, port: int) -> None:
    """Answers on `host`:`port` until the process is asked to end.

    Raises:
        SpecError: a declared table cannot be served under its name.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        logging.Formatter('{"at": "%(asctime)s", "level": "%(levelname)s", "logger": "%(name)s", "said": %(said)s}')
    )
    handler.addFilter(_as_json)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
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
        limit_concurrency=512,
        backlog=512,
        ws="none",
    )


def _as_json(record: logging.LogRecord) -> bool:
    """Puts the message into the line as JSON; an access line is JSON already."""
    import json

    message = record.getMessage()
    if record.exc_info and not record.exc_text:
        record.exc_text = ""
        message += "\n" + logging.Formatter().formatException(record.exc_info)
    record.exc_info = None
    record.said = message if record.name == "landfall.serving.access" else json.dumps(message)
    return True
