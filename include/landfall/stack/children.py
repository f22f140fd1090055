"""Starting and ending processes, with all that they start in turn."""

import ctypes
import os
import shutil
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
    rotate(log)
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


def rotate(log: Path) -> bool:
    """Moves what a log holds to `NAME.log.1` once it is large, also while servers write to it; True if it did.

    The file stays the same one, since a server keeps it open (for appending): what it writes in the moment between the copy
    and the cut is lost.
    """
    try:
        if log.stat().st_size <= BIGGEST_LOG:
            return False
        before = log.with_suffix(".log.1")
        partial = log.with_suffix(".log.2")
        shutil.copyfile(log, partial)
        partial.chmod(0o600)
        partial.replace(before)
        os.truncate(log, 0)
    except OSError:  # a full disk keeps the log as it is; the next look tries again
        return False
    return True


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


def created(pid: int) -> float:
    """When the process `pid` was created, in seconds since the machine started: with the pid, this names it for good.

    Not the time of day: when somebody sets the clock, every process would seem to be another one.

    Raises:
        psutil.NoSuchProcess: there is none.
    """
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")  # `starttime` of proc(5), the 22nd field


def this_boot() -> str:
    """Names the time since the machine was started last; after another start, no recorded pid means anything."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(int(psutil.boot_time()))


def same(pid: int, born: float) -> psutil.Process | None:
    """The process `pid` if it is still the one that was created at `born`, and not a zombie."""
    with suppress(psutil.Error):
        found = psutil.Process(pid)
        if abs(created(pid) - born) < 0.5 and found.status() != psutil.STATUS_ZOMBIE:
            return found
    return None


def family(pid: int, born: float) -> list[psutil.Process]:
    """What a recorded server and everything it started still are: its session, its tree.

    A session keeps its number as long as it has a member, so members found under a dead leader are its own, as long
    as they are not older than it was.
    """
    members: dict[int, psutil.Process] = {}
    leader = same(pid, born)
    if leader is None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        return []  # the number is somebody else's by now
    for one in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(one.pid) == pid and created(one.pid) > born - 0.5:
                members[one.pid] = one
    for root in [leader] if leader else list(members.values()):
        with suppress(psutil.Error):
            members.update({child.pid: child for child in [root, *root.children(recursive=True)]})
    return list(members.values())


def seconds_of_cpu(processes: Iterable[psutil.Process]) -> float:
    """CPU time that `processes` and their children that have ended have used so far."""
    used = 0.0
    for one in processes:
        with suppress(psutil.Error):
            used += sum(one.cpu_times()[:4])  # user and system, of its own and of its ended children
    return used


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
