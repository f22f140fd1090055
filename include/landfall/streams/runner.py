"""Keeps the streams and learners running that shall run: a process for each, started again with growing pauses when it ends.

`python -m landfall.streams.runner` is a part of the embedded stack. What shall run is in `landfall.streams`; a person's command
and the stream's DAG write it there.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from landfall.database import connect
from landfall.errors import LandfallError
from landfall.spec import Settings
from landfall.streams.state import Kind, states

log = logging.getLogger("landfall.streams")
PROCESSES: dict[Kind, str] = {"stream": "landfall.streams.process", "learner": "landfall.changes.process"}
"""Kind -> the module that drives one."""
LOOK = 0.5
"""The seconds between two looks at what shall run."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""The seconds before a process that has ended is started again; doubled each time, up to the second."""
LASTED = 60.0
"""A process that ran for so many seconds was well: the next pause is the first one again."""
GRACE = 15.0
"""The seconds that a process has to end when it is asked to."""


@dataclass
class Driven:
    """A stream's process, and when it may be started again after it has ended."""

    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    not_before: float = 0.0


class Runner:
    """Starts and ends the processes of streams.

    Args:
        settings: Where the database is.
        alive: A file that is touched at each look; its age says whether the runner works. None: no file.
    """

    def __init__(self, settings: Settings, alive: Path | None = None) -> None:
        self.settings, self.alive = settings, alive
        self.driven: dict[str, Driven] = {}
        self.ending = threading.Event()

    def run(self) -> None:
        """Looks again and again, until `ending` is set; then ends all processes."""
        while not self.ending.is_set():
            try:
                self.look()
            except LandfallError as error:
                log.warning("%s", error)
            if self.alive:
                self.alive.touch(mode=0o600)
            self.ending.wait(LOOK)
        self._end_all()

    def look(self) -> None:
        """Starts what shall run and does not; ends what shall not run and did not end by itself.

        Raises:
            PublishingError: the database cannot be asked. Nothing was changed.
        """
        with connect(self.settings, longest=5) as conn:
            wanted = {name: state.kind for name, state in states(conn).items() if state.wanted == "running"}
        for name in sorted(set(wanted) | set(self.driven)):
            driven = self.driven.setdefault(name, Driven())
            self._note_end(name, driven)
            if name in wanted and driven.process is None and time.monotonic() >= driven.not_before:
                driven.process, driven.started = _start(name, wanted[name]), time.monotonic()
            elif name not in wanted and driven.process is None:
                del self.driven[name]

    def _note_end(self, name: str, driven: Driven) -> None:
        if driven.process is None or driven.process.poll() is None:
            return
        lasted = time.monotonic() - driven.started
        driven.pause = FIRST_PAUSE if lasted > LASTED else min(driven.pause * 2, LONGEST_PAUSE)
        if driven.process.returncode:
            log.warning(
                "`%s` ended with code %s after %.0f s; again in %.0f s",
                name,
                driven.process.returncode,
                lasted,
                driven.pause,
            )
            driven.not_before = time.monotonic() + driven.pause
        driven.process = None

    def _end_all(self) -> None:
        processes = [driven.process for driven in self.driven.values() if driven.process]
        for process in processes:
            process.terminate()
        until = time.monotonic() + GRACE
        for process in processes:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def _start(name: str, kind: Kind) -> "subprocess.Popen[bytes]":
    log.info("`%s` is started", name)
    return subprocess.Popen([sys.executable, "-m", PROCESSES[kind], name], stdin=subprocess.DEVNULL)


def main() -> None:
    """Runs until it is told to end (SIGTERM or SIGINT)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    alive = os.environ.get("LANDFALL_STREAMS_ALIVE")
    runner = Runner(Settings.read(), Path(alive) if alive else None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.ending.set())
    runner.run()


if __name__ == "__main__":
    main()
