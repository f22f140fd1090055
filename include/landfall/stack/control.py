"""What the command line asks of the stack: up, down, ps, logs. All of it works on the state file and process ids."""

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
from landfall.stack.state import PartRecord, State
from landfall.stack.supervisor import ALREADY_RUNNING

Watch = Callable[[State], None]
MENDED_IN = 300.0
"""Seconds that `up` waits for the parts of a running stack to be healthy again."""


def running(at: Layout) -> State | None:
    """The state of the stack whose supervisor is alive; None when there is none."""
    state = State.read(at.state_file)
    return state if state and children.same(state.supervisor, state.created) else None


def up(
    parts: Sequence[str] = (), *, extra: Sequence[str] = (), port: Sequence[str] = (), watch: Watch | None = None
) -> State:
    """Starts the stack, and returns when every part is healthy. `watch` gets each new state meanwhile.

    Of a stack that runs already, the parts that are not healthy are started again at once, and waited for. What only `extra`
    names may be missing: its first start failed then, and is tried again; its record says why.

    Raises:
        StackError: it is up already and well, or a part did not start; then nothing is left running.
    """
    at = Layout.at()
    needed = chosen(parts)
    names = chosen(parts, extra)
    ports.parse(port)
    if present := running(at):
        return _mend(at, present, names, watch)
    at.make()
    run = uuid.uuid4().hex
    log = at.log("supervisor")
    children.rotate(log)
    log.touch(mode=0o600)
    log.chmod(0o600)
    command = [sys.executable, "-m", "landfall.stack.supervisor", "--run", run, "--parts", ",".join(names)]
    command += ["--optional", ",".join(name for name in names if name not in needed)]
    command += [text for one in port for text in ("--port", one)]
    env = {**os.environ, "LANDFALL_HOME": str(at.home)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=env
        )
    try:
        return _follow(at, process, run, watch)
    except KeyboardInterrupt:
        down()
        raise


def _follow(at: Layout, process: "subprocess.Popen[bytes]", run: str, watch: Watch | None) -> State:
    while True:
        code = process.poll()
        state = State.read(at.state_file)
        ours = state if state and state.run == run else None
        if ours and watch:
            watch(ours)
        if ours and ours.phase == "up":
            return ours
        if code == ALREADY_RUNNING:
            raise _already_up(at)
        if code is not None:
            raise _not_started(at, ours)
        time.sleep(0.1)


def _mend(at: Layout, present: State, names: Sequence[str], watch: Watch | None) -> State:
    """Waits until a running stack is healthy again; its supervisor is told not to pause before the next start of a part."""
    if lacking := [name for name in names if name not in {part.name for part in present.parts}]:
        raise StackError(
            f"The stack is up, without {', '.join(f'`{name}`' for name in lacking)}.",
            looked=str(at.home),
            left="nothing was changed",
            next="landfall down, then this command again",
        )
    if present.phase == "up" and all(part.state == "healthy" for part in present.parts):
        raise _already_up(at)
    if present.phase == "up":
        os.kill(present.supervisor, signal.SIGHUP)
    until = time.monotonic() + MENDED_IN
    while (state := running(at)) and time.monotonic() < until:
        if watch:
            watch(state)
        if state.phase == "up" and all(part.state == "healthy" for part in state.parts):
            return state
        time.sleep(0.1)
    if state is None:
        raise _not_started(at, State.read(at.state_file))
    ill = [part for part in state.parts if part.state != "healthy"]
    raise StackError(
        f"The stack is up, but not well: {', '.join(f'`{part.name}` is {part.state}' for part in ill)}.",
        looked="\n    ".join(f"{part.name}: {part.doing or part.log}" for part in ill),
        left="it is tried again and again; the other parts go on",
        next=f"landfall logs {ill[0].name}" if ill else "landfall ps",
    )


def _already_up(at: Layout) -> StackError:
    return StackError("The stack is already up.", looked=str(at.home), next="landfall ps    or    landfall down")


def _not_started(at: Layout, state: State | None) -> StackError:
    told = state.error if state else None
    if not told:
        lines = last_lines(at.log("supervisor"))
        return StackError("The stack did not start.", looked="\n    ".join([str(at.log("supervisor")), *lines]))
    return StackError(
        told["error"],
        looked=told.get("looked", ""),
        left=told.get("left", "all parts were stopped; data is kept"),
        next=told.get("next", ""),
    )


def down(*, patience: float = 60.0) -> int:
    """Stops the stack and returns when all of it is gone; how many processes of a killed run were ended, if any.

    Raises:
        StackError: something could not be ended.
    """
    at = Layout.at()
    state = running(at)
    supervisor = children.same(state.supervisor, state.created) if state else _locked_by(at)
    if supervisor:
        with suppress(psutil.Error):
            supervisor.terminate()
        _, slow = psutil.wait_procs([supervisor], timeout=patience)
        children.end(slow, patience=0)
    left = State.read(at.state_file)
    ended = leftovers.end(left) if left else 0
    if left and (still := leftovers.find(left)):
        raise StackError(
            f"{len(still)} processes could not be ended.", looked=", ".join(f"{one.pid} {one.name()}" for one in still)
        )
    return ended


def _locked_by(at: Layout) -> psutil.Process | None:
    """A supervisor that has its lock but has not told its state yet."""
    with suppress(OSError, ValueError, psutil.Error):
        found = psutil.Process(int(at.lock_file.read_text(encoding="utf-8")))
        if "landfall.stack.supervisor" in found.cmdline() and _home_of(found) == str(at.home):
            return found
    return None


def _home_of(process: psutil.Process) -> str | None:
    return process.environ().get("LANDFALL_HOME")


def ps() -> list[PartRecord]:
    """The parts of the last run, as they are now; empty when the stack was never started in this home."""
    at = Layout.at()
    state = State.read(at.state_file)
    if state is None:
        return []
    if running(at) is None:
        for part in state.parts:
            alive = part.pid and children.same(part.pid, part.created)
            if part.state != "failed":
                part.state, part.doing = "stopped", ""
            part.doing = "its supervisor is gone: landfall down" if alive else part.doing
        return state.parts
    for part in state.parts:  # on a full disk the supervisor cannot write down what it sees
        if part.state == "healthy" and not (part.pid and children.same(part.pid, part.created)):
            part.state, part.doing = "unhealthy", "its process is gone"
    return state.parts


def log_of(part: str | None) -> Path:
    """The log file of a part, or of the supervisor.

    Raises:
        StackError: there is no such part, or it was never started.
    """
    at = Layout.at()
    name = part or "supervisor"
    if name not in (*KNOWN, "supervisor", "migrate", "spark-warm"):
        raise StackError.unknown("part", name, [*KNOWN, "supervisor"], next="landfall logs supervisor")
    if not at.log(name).exists():
        raise StackError(f"`{name}` has no log yet.", looked=str(at.log(name)), next="landfall up")
    return at.log(name)
