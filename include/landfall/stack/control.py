"""The commands of the stack: up, down, ps, logs. All of them work on the state file and process ids."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from landfall.errors import StackError
from landfall.stack import children, leftovers, ports
from landfall.stack.blueprint import KNOWN, chosen
from landfall.stack.layout import Layout
from landfall.stack.part import last_lines
from landfall.stack.state import PartRecord, StackState
from landfall.stack.supervisor import ALREADY_RUNNING

Watch = Callable[[StackState], None]
MENDED_IN = 300.0
"""Seconds that `up` waits for the parts of a running stack to become healthy again."""


def running(files: Layout) -> StackState | None:
    """The state of the stack, if its supervisor is alive; else None."""
    state = StackState.read(files.state_file)
    return state if state and children.same(state.supervisor, state.created) else None


def up(
    parts: Sequence[str] = (), *, extra: Sequence[str] = (), port: Sequence[str] = (), watch: Watch | None = None
) -> StackState:
    """Starts the stack, and returns when every part is healthy. `watch` is called with each new state meanwhile.

    If the stack runs already, its parts that are not healthy are started again at once, and waited for. A part that only
    `extra` names may be missing in the end: its first start failed and is tried again; its record says why.

    Raises:
        StackError: the stack is up and well already; or a part did not start, and nothing is left running.
    """
    files = Layout.at()
    needed = chosen(parts)
    names = chosen(parts, extra)
    ports.parse(port)
    if present := running(files):
        return _mend(files, present, names, watch)
    files.make()
    run = uuid.uuid4().hex
    log = files.log("supervisor")
    children.rotate(log)
    log.touch(mode=0o600)
    log.chmod(0o600)
    command = [sys.executable, "-m", "landfall.stack.supervisor", "--run", run, "--parts", ",".join(names)]
    command += ["--optional", ",".join(name for name in names if name not in needed)]
    command += [text for number in port for text in ("--port", number)]
    env = {**os.environ, "LANDFALL_HOME": str(files.home)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=env
        )
    try:
        return _follow(files, process, run, watch)
    except KeyboardInterrupt:
        down()
        raise


def _follow(files: Layout, process: "subprocess.Popen[bytes]", run: str, watch: Watch | None) -> StackState:
    while True:
        code = process.poll()
        state = StackState.read(files.state_file)
        ours = state if state and state.run == run else None
        if ours and watch:
            watch(ours)
        if ours and ours.phase == "up":
            return ours
        if code == ALREADY_RUNNING:
            raise _already_up(files)
        if code is not None:
            raise _not_started(files, ours)
        time.sleep(0.1)


def _mend(files: Layout, present: StackState, names: Sequence[str], watch: Watch | None) -> StackState:
    """Waits until a running stack is healthy again, and tells its supervisor to skip the pauses before the next starts."""
    if missing := [name for name in names if name not in {part.name for part in present.parts}]:
        raise StackError(
            f"The stack is up, without {', '.join(f'`{name}`' for name in missing)}.",
            looked=str(files.home),
            left="nothing was changed",
            next="landfall down, then this command again",
        )
    if present.phase == "up" and all(part.state == "healthy" for part in present.parts):
        raise _already_up(files)
    if present.phase == "up":
        os.kill(present.supervisor, signal.SIGHUP)
    until = time.monotonic() + MENDED_IN
    while (state := running(files)) and time.monotonic() < until:
        if watch:
            watch(state)
        if state.phase == "up" and all(part.state == "healthy" for part in state.parts):
            return state
        time.sleep(0.1)
    if state is None:
        raise _not_started(files, StackState.read(files.state_file))
    ill = [part for part in state.parts if part.state != "healthy"]
    raise StackError(
        f"The stack is up, but not well: {', '.join(f'`{part.name}` is {part.state}' for part in ill)}.",
        looked="\n    ".join(f"{part.name}: {part.doing or part.log}" for part in ill),
        left="it is tried again and again; the other parts go on",
        next=f"landfall logs {ill[0].name}" if ill else "landfall ps",
    )


def _already_up(files: Layout) -> StackError:
    return StackError("The stack is already up.", looked=str(files.home), next="landfall ps    or    landfall down")


def _not_started(files: Layout, state: StackState | None) -> StackError:
    error = state.error if state else None
    if not error:
        lines = last_lines(files.log("supervisor"))
        return StackError("The stack did not start.", looked="\n    ".join([str(files.log("supervisor")), *lines]))
    return StackError(
        error["error"],
        looked=error.get("looked", ""),
        left=error.get("left", "all parts were stopped; data is kept"),
        next=error.get("next", ""),
    )


def down(*, patience: float = 60.0) -> int:
    """Stops the stack and returns when all of it is gone. Gives how many processes of an earlier, killed run it ended.

    Raises:
        StackError: a process could not be ended.
    """
    files = Layout.at()
    state = running(files)
    supervisor = children.same(state.supervisor, state.created) if state else _locked_by(files)
    if supervisor:
        with suppress(psutil.Error):
            supervisor.terminate()
        _, slow = psutil.wait_procs([supervisor], timeout=patience)
        children.end(slow, patience=0)
    left = StackState.read(files.state_file)
    ended = leftovers.end(left) if left else 0
    if left and (still := leftovers.find(left)):
        raise StackError(
            f"{len(still)} processes could not be ended.",
            looked=", ".join(f"{process.pid} {process.name()}" for process in still),
        )
    return ended


def _locked_by(files: Layout) -> psutil.Process | None:
    """A supervisor that holds its lock but has not written its state yet; None if there is none."""
    with suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int(files.lock_file.read_text(encoding="utf-8")))
        if "landfall.stack.supervisor" in process.cmdline() and _home_of(process) == str(files.home):
            return process
    return None


def _home_of(process: psutil.Process) -> str | None:
    return process.environ().get("LANDFALL_HOME")


def ps() -> list[PartRecord]:
    """The parts of the last run, as they are now; empty if the stack was never started in this home."""
    files = Layout.at()
    state = StackState.read(files.state_file)
    if state is None:
        return []
    if running(files) is None:
        for part in state.parts:
            alive = part.pid and children.same(part.pid, part.created)
            if part.state != "failed":
                part.state, part.doing = "stopped", ""
            part.doing = "its supervisor is gone: landfall down" if alive else part.doing
        return state.parts
    for part in state.parts:  # on a full disk the supervisor cannot record a change
        if part.state == "healthy" and not (part.pid and children.same(part.pid, part.created)):
            part.state, part.doing = "unhealthy", "its process is gone"
    return state.parts


def log_of(part: str | None) -> Path:
    """The log file of a part, or of the supervisor.

    Raises:
        StackError: there is no such part, or it was never started.
    """
    files = Layout.at()
    name = part or "supervisor"
    if name not in (*KNOWN, "supervisor", "migrate", "spark-warm"):
        raise StackError.unknown("part", name, [*KNOWN, "supervisor"], next="landfall logs supervisor")
    if not files.log(name).exists():
        raise StackError(f"`{name}` has no log yet.", looked=str(files.log(name)), next="landfall up")
    return files.log(name)
