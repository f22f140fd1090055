"""What the supervisor tells everybody else: one JSON file, replaced whole at every change."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

import psutil

from landfall.stack.envfile import write_whole

Phase = Literal["starting", "up", "stopping", "stopped", "failed"]
PartState = Literal["waiting", "preparing", "starting", "healthy", "restarting", "failed", "stopped"]


@dataclass(kw_only=True)
class PartRecord:
    """One server as it is now."""

    name: str
    log: str
    url: str = ""
    secret_file: str | None = None
    token_file: str | None = None
    state: PartState = "waiting"
    doing: str = ""
    pid: int | None = None
    created: float = 0.0
    """When the operating system says that the process was created: with the pid, this names it for good."""
    seconds: float | None = None
    """From the start of the stack to healthy."""
    restarts: int = 0


@dataclass(kw_only=True)
class State:
    """One run of one stack."""

    run: str
    supervisor: int
    created: float
    began: float = field(default_factory=time.time)
    boot: float = field(default_factory=psutil.boot_time)
    phase: Phase = "starting"
    error: dict[str, str] | None = None
    parts: list[PartRecord] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "State | None":
        """The state in `path`; None when there is none, or it is of another version."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            parts = [PartRecord(**part) for part in told.pop("parts")]
            return cls(**{one.name: told[one.name] for one in fields(cls) if one.name != "parts"}, parts=parts)
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Board:
    """The state as the supervisor's threads write it."""

    def __init__(self, path: Path, state: State) -> None:
        self.path, self.state = path, state
        self._alone = threading.Lock()

    def phase(self, phase: Phase, error: dict[str, str] | None = None) -> None:
        with self._alone:
            self.state.phase = phase
            self.state.error = error or self.state.error
            self._write()

    def part(self, record: PartRecord, state: PartState, *, doing: str = "") -> None:
        """Notes the part's new state with what was set on the record before."""
        with self._alone:
            record.state, record.doing = state, doing
            self._write()

    def _write(self) -> None:
        with suppress(FileNotFoundError):  # the home was removed: nobody is left to be told
            write_whole(self.path, json.dumps(asdict(self.state), indent=1) + "\n")
