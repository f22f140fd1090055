"""Asks a standalone master, through the JSON of its web page, whether an application still runs."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from landfall.errors import ComputeError

PAUSE = 2.0
"""Seconds between two requests to the master."""


def web_address(master: str, extra: Mapping[str, Any]) -> str:
    """The URL of the master's web page: `webui` of the connection's extra, else port 8080 of its host.

    Empty if `master` is not a standalone master.
    """
    if not master.startswith("spark://"):
        return ""
    host = urlsplit(master.partition(",")[0]).hostname
    return str(extra.get("webui") or f"http://{host}:8080").rstrip("/")


def wait_for_application(address: str, name: str, pause: float = PAUSE) -> bool:
    """Waits until no application called `name` runs. True if one was running.

    Raises:
        ComputeError: the master does not answer. Then nobody knows whether one runs, and no second one may be started.
    """
    waited = False
    while name in _active(address, name):
        waited = True
        time.sleep(pause)
    return waited


def _active(address: str, name: str) -> set[str]:
    try:
        answer = httpx.get(f"{address}/json/", timeout=30)
        answer.raise_for_status()
        return {str(application["name"]) for application in answer.json()["activeapps"]}
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise ComputeError(
            f"It could not be found out whether `{name}` still runs.",
            looked=f"{address}/json/ ({type(error).__name__}: {error})",
            left="no second one was started",
            next="start the master, or set `webui` in the extra of the connection landfall_spark",
        ) from error
