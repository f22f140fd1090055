"""What the supervisor knows about a server of the stack."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

Announce = Callable[[str], None]
"""Called with what a part is doing at the moment, for a person who watches."""


class Unknown(str):
    """Why a health check gave no verdict: the server that it asks is away itself. It counts neither for nor against the part."""


class Part:
    """One server. Each kind of server overrides what differs. The supervisor calls the methods in this order:

    prepare -> command -> check (again and again, until it returns None) -> settle. Then the part is healthy, and `probe` is
    called regularly.
    """

    name: str
    needs: tuple[str, ...] = ()
    """Parts that must be healthy before this one is prepared."""
    url: str = ""
    secret_file: Path | None = None
    token_file: Path | None = None
    """A file with nothing in it but the token that a client must show."""
    stop_signal: signal.Signals = signal.SIGTERM
    wrap: tuple[str, ...] = ()
    user: str | None = None
    patience: float = 60.0
    """How many seconds a start may stand still, without CPU time or a line in the log, before it has failed. A busy machine makes
    a start slow, but does not make it stand still."""
    probe_every: float = 5.0
    """Seconds between two health checks of a server that is up."""
    hung_after: float = 45.0
    """How many seconds a server that was healthy may fail its checks without using CPU time, before it is started again."""
    gives_up_after: float | None = 300.0
    """The same limit, however much CPU time it uses. None: no limit, because a working server may be too busy to answer."""
    grace: float = 8.0
    """Seconds between asking the server to end and killing it."""

    def __init__(self, *, log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        self.env = dict(env)

    def prepare(self, say: Announce) -> None:
        """Makes what the server needs on disk. Called before every start; it must be quick if nothing is missing."""

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def check(self, started: float) -> str | None:
        """None if the server answers; else what was tried and what came back. `started` is the time of its start."""
        raise NotImplementedError

    def probe(self, started: float) -> str | None:
        """`check` for a server that has become healthy; called every `probe_every` seconds as long as it lives."""
        return self.check(started)

    def settle(self) -> None:
        """Makes what the running server must contain, such as databases."""


def last_lines(log: Path, count: int = 8) -> list[str]:
    """The last `count` lines of a log, read from its end; empty if there is no log."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 400 * count))
        return file.read().decode(errors="replace").splitlines()[-count:]
