"""The transport of lineage events if no other is set: one file per day, one line per event.

Every process that emits an event appends to the file of the day (UTC): each task, and a process beside the scheduler. An event
is one write, under a lock of the file, so lines never mix. A line that a full disk or a kill has cut off stays alone, because
the next event begins a new line. The file is opened for each event, so it may be moved away at any time.
"""

import fcntl
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attr import define
from openlineage.client.client import Event
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

from landfall.stack.layout import Layout


@define
class DailyFilesConfig(Config):
    """Where the files are, and for how long.

    Args:
        folder: Empty: `logs/openlineage` in the stack's home (`LANDFALL_HOME`).
        days: Files older than this are deleted when the first event of a day is written; 0: never.
    """

    folder: str = ""
    days: int = 14

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> "DailyFilesConfig":
        """The configuration in a transport's JSON: `folder` and `days`, both optional."""
        return cls(folder=str(params.get("folder", "")), days=int(params.get("days", 14)))


class DailyFiles(Transport):
    """Events as lines of JSON in `FOLDER/YYYY-MM-DD.jsonl`, closed to other users."""

    kind = "daily_files"
    config_class = DailyFilesConfig

    def __init__(self, config: DailyFilesConfig) -> None:
        self.folder = Path(config.folder) if config.folder else Layout.at().events
        self.days = config.days

    def emit(self, event: Event) -> None:
        """Appends one event.

        Raises:
            OSError: the folder cannot be written to. The provider logs this; the task goes on.
        """
        self.append(Serde.to_json(event), datetime.now(UTC))

    def append(self, line: str, now: datetime) -> None:
        """Writes `line` to the file of the day of `now`; the first line of a day deletes the files that are too old."""
        file = self.folder / f"{now:%Y-%m-%d}.jsonl"
        first = not file.exists()
        if first:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            text = f"{_line_end(opened)}{line}\n".encode()
            if (written := os.write(opened, text)) < len(text):
                raise OSError(f"{file}: {written} of {len(text)} bytes of an event could be written; is the disk full?")
        finally:
            os.close(opened)  # this releases the lock too
        if first and self.days:
            self._forget(now)

    def _forget(self, now: datetime) -> None:
        oldest = f"{now - timedelta(days=self.days):%Y-%m-%d}.jsonl"
        for old in self.folder.glob("????-??-??.jsonl"):
            if old.name < oldest:
                with suppress(OSError):  # somebody else was quicker
                    old.unlink()


def _line_end(opened: int) -> str:
    """The line end that a cut-off last line still needs; else empty."""
    size = os.fstat(opened).st_size
    return "\n" if size and os.pread(opened, 1, size - 1) != b"\n" else ""
