"""The part that keeps streams running: a process of its own for each stream that shall run."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from landfall.stack.part import Announce, Part

STALE = 20.0
"""The seconds after which a runner that has not looked at what shall run is not well."""


class Streams(Part):
    """The runner (`landfall.streams.runner`). It comes with a broker: `landfall up --with kafka`."""

    name = "streams"
    needs = ("postgres", "spark")
    grace = 20.0

    def __init__(self, *, log: Path, env: Mapping[str, str], data: Path) -> None:
        super().__init__(log=log, env=env)
        self.data = data
        self.alive = data / "alive"
        self.env["LANDFALL_STREAMS_ALIVE"] = str(self.alive)

    def prepare(self, say: Announce) -> None:
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.alive.unlink(missing_ok=True)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "landfall.streams.runner"]

    def check(self, started: float) -> str | None:
        """Healthy while it looks at what shall run, which needs the database."""
        try:
            age = time.time() - self.alive.stat().st_mtime
        except OSError:
            return "it has not looked at what shall run yet"
        return None if age < STALE else f"it last looked at what shall run {age:.0f} s ago"
