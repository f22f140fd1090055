"""Starting and ending processes, with all that they start in turn."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

Process = subprocess.Popen[bytes]
GUARD = Path(__file__).with_name("guard.py")
BIGGEST_LOG = 20_000_000
PR_SET_CHILD_SUBREAPER = 36


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    wrap: Sequence[str] = (),
    user: str | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Starts `command` in a session of its own, its output appended to `log`; it gets `death_signal` if we die.

    `wrap` goes before the command (such as unshare); `user` is whom to run as, when we are root.
    """
    if log.exists() and log.stat().st_size > BIGGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    guard = [sys.executable, "-I", "-S", str(GUARD), str(int(death_signal))]
    if user:
        guard = []  # another user may not be allowed to run our Python
    with log.open("ab") as output:
        return subprocess.Popen(
            [*wrap, *guard, *command],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
        )


def adopt_orphans() -> None:
    """Makes this process the parent of what its children leave behind, so that `descendants` finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(owned: Iterable[int]) -> None:
    """Collects adopted children that have ended; those in `owned` are collected by who started them."""
    mine = set(owned)
    for child in psutil.Process().children():
        with suppress(psutil.Error, ChildProcessError):
            if child.pid not in mine and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def same(pid: int, created: float) -> psutil.Process | None:
    """The process `pid` if it is still the one that was created at `created`, and not a zombie."""
    with suppress(psutil.Error):
        found = psutil.Process(pid)
        if abs(found.create_time() - created) < 1 and found.status() != psutil.STATUS_ZOMBIE:
            return found
    return None


def family(pid: int, created: float) -> list[psutil.Process]:
    """What a recorded server and everything it started still are: its session, its tree.

    A session keeps its number as long as it has a member, so members found under a dead leader are its own, as long
    as they are not older than it was.
    """
    members: dict[int, psutil.Process] = {}
    leader = same(pid, created)
    if leader is None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        return []  # the number is somebody else's by now
    for one in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(one.pid) == pid and one.create_time() > created - 1:
                members[one.pid] = one
    for root in [leader] if leader else list(members.values()):
        with suppress(psutil.Error):
            members.update({child.pid: child for child in [root, *root.children(recursive=True)]})
    return list(members.values())


def end(processes: Sequence[psutil.Process], *, ask: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> None:
    """Asks `processes` to end, and ends those that have not after `patience` seconds. Returns when they are gone."""
    for one in processes:
        with suppress(psutil.Error):
            one.send_signal(ask)
    _, left = psutil.wait_procs(processes, timeout=patience)
    for one in left:
        with suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(left, timeout=5)
