"""The state that the supervisor shows to everybody: one JSON file, replaced as a whole at every change."""

import json
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

from landfall.stack import children
from landfall.stack.envfile import write_whole

Phase = Literal["starting", "up", "stopping", "stopped", "failed"]
PartState = Literal["waiting", "preparing", "starting", "healthy", "unhealthy", "restarting", "failed", "stopped"]


@dataclass(kw_only=True)
class PartRecord:
    """One server, as it is now."""

    name: str
    log: str
    url: str = ""
    secret_file: str | None = None
    token_file: str | None = None
    state: PartState = "waiting"
    doing: str = ""
    pid: int | None = None
    created: float = 0.0
    """When the process was created, in seconds since the machine started: see `children.created`."""
    seconds: float | None = None
    """Seconds from the start of the stack until the part was healthy."""
    restarts: int = 0
    needed: bool = True
    """False: the stack counts as up without it."""


@dataclass(kw_only=True)
class StackState:
    """One run of one stack."""

    run: str
    supervisor: int
    created: float
    began: float = field(default_factory=time.time)
    boot: str = field(default_factory=children.this_boot)
    phase: Phase = "starting"
    error: dict[str, str] | None = None
    parts: list[PartRecord] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "StackState | None":
        """The state in `path`; None if there is none, or it was written by another version."""
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            parts = [PartRecord(**part) for part in saved.pop("parts")]
            return cls(**{entry.name: saved[entry.name] for entry in fields(cls) if entry.name != "parts"}, parts=parts)
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Board:
    """The state, as the threads of the supervisor write it."""

    def __init__(self, path: Path, state: StackState) -> None:
        self.path, self.state = path, state
        self._alone = threading.Lock()
        self._behind = False

    def phase(self, phase: Phase, error: dict[str, str] | None = None) -> None:
        with self._alone:
            self.state.phase = phase
            self.state.error = error or self.state.error
            self._write()

    def part(self, record: PartRecord, state: PartState, *, doing: str = "") -> None:
        """Writes the part's new state, together with what was set on the record before."""
        with self._alone:
            record.state, record.doing = state, doing
            self._write()

    def catch_up(self) -> None:
        """Writes what could not be written when it happened."""
        with self._alone:
            if self._behind:
                self._write()

    def _write(self) -> None:
        self._behind = True
        with suppress(OSError):  # the disk is full; or the home was removed, and nobody is left to read it
            write_whole(self.path, json.dumps(asdict(self.state), indent=1) + "\n")
            self._behind = False


def log_line(text: str) -> None:
    """Writes a line to the supervisor's log; does nothing if the disk is full."""
    with suppress(OSError):
        print(f"{time.strftime('%F %T')} {text}", file=sys.stderr, flush=True)
