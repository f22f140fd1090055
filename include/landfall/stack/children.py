"""Starts and ends processes, together with all processes that they start in turn."""

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
    """Starts `command` in its own session and appends its output to `log`. If this process dies, it gets `death_signal`.

    `wrap` is put before the command (such as unshare); `user` is the user to run it as, if we are root.
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
    """Moves the content of a large log to `NAME.log.1`, even while servers write to the log. True if it did.

    The file itself stays, since a server keeps it open for appending. What a server writes in the moment between the copy
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
    except OSError:  # on a full disk the log stays as it is; the next call tries again
        return False
    return True


def adopt_orphans() -> None:
    """Makes this process the parent of orphans among its descendants, so that `descendants` finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(owned: Iterable[int]) -> None:
    """Collects adopted children that have ended. The processes in `owned` are collected by whoever started them."""
    mine = set(owned)
    for child in psutil.Process().children():
        with suppress(psutil.Error, ChildProcessError):
            if child.pid not in mine and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def created(pid: int) -> float:
    """When the process `pid` was created, in seconds since the machine started. Together with the pid this is unique.

    It is not the time of day: if somebody set the clock, every process would seem to be another one.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")  # `starttime` of proc(5), the 22nd field


def this_boot() -> str:
    """A name for the time since the machine last started; after a restart, recorded pids mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(int(psutil.boot_time()))


def same(pid: int, born: float) -> psutil.Process | None:
    """The process `pid`, if it is still the one that was created at `born` and no zombie; else None."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if abs(created(pid) - born) < 0.5 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def family(pid: int, born: float) -> list[psutil.Process]:
    """What is left of a recorded server and everything that it started: its session and its process tree.

    A session keeps its number as long as it has a member. So members of a session whose leader is dead are the server's,
    unless they are older than it was.
    """
    members: dict[int, psutil.Process] = {}
    leader = same(pid, born)
    if leader is None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        return []  # another process has this number by now
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == pid and created(process.pid) > born - 0.5:
                members[process.pid] = process
    for root in [leader] if leader else list(members.values()):
        with suppress(psutil.Error):
            members.update({child.pid: child for child in [root, *root.children(recursive=True)]})
    return list(members.values())


def seconds_of_cpu(processes: Iterable[psutil.Process]) -> float:
    """CPU time that `processes`, and those of their children that have ended, have used so far."""
    used = 0.0
    for process in processes:
        with suppress(psutil.Error):
            used += sum(process.cpu_times()[:4])  # user and system time, its own and its ended children's
    return used


def end(processes: Sequence[psutil.Process], *, ask: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> None:
    """Asks `processes` to end, kills those that have not ended after `patience` seconds, and returns when all are gone."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(ask)
    _, left = psutil.wait_procs(processes, timeout=patience)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=5)
