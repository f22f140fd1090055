"""What a server of the stack is to its supervisor."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

Say = Callable[[str], None]


class Unknown(str):
    """Why a health check has no verdict: whom it asks about the server is away itself. Counts neither way."""


class Part:
    """One server. A kind of server overrides what differs; the supervisor calls it in this order.

    prepare -> command -> check (again and again, until it returns None) -> settle, then it is healthy, and `probe` is asked
    all the while.
    """

    name: str
    needs: tuple[str, ...] = ()
    """Parts that must be healthy before this one is prepared."""
    url: str = ""
    secret_file: Path | None = None
    token_file: Path | None = None
    """A file that holds nothing but what a client must show."""
    stop_signal: signal.Signals = signal.SIGTERM
    wrap: tuple[str, ...] = ()
    user: str | None = None
    patience: float = 60.0
    """Seconds for which a start may stand still, without CPU time or a line in the log, before it counts as failed. A machine
    that is busy makes a start slow; it does not make it stand still."""
    probe_every: float = 5.0
    """Seconds between two health checks of a server that is up."""
    hung_after: float = 45.0
    """Seconds for which a server that was healthy may fail its checks, while it uses no CPU time, before it is started again."""
    gives_up_after: float | None = 300.0
    """The same whatever CPU time it uses. None: as long as it works, it may be too busy to answer."""
    grace: float = 8.0
    """Seconds from asking to end until it is ended."""

    def __init__(self, *, log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        self.env = dict(env)

    def prepare(self, say: Say) -> None:
        """Makes what the server needs on disk. Called before every start; must be quick when all is there."""

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def check(self, started: float) -> str | None:
        """None when the server answers; else what was tried and what came. `started` is when it was started."""
        raise NotImplementedError

    def probe(self, started: float) -> str | None:
        """`check` for a server that has been healthy, asked every `probe_every` seconds as long as it lives."""
        return self.check(started)

    def settle(self) -> None:
        """Makes what the running server must hold, such as databases."""


def last_lines(log: Path, count: int = 8) -> list[str]:
    """The last `count` lines of a log, read from its end; empty when there is none."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 400 * count))
        return file.read().decode(errors="replace").splitlines()[-count:]
