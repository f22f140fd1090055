"""The process that owns the servers: it starts them, watches them and ends them.

`landfall up` starts it as `python -m landfall.stack.supervisor`. It reports only through the state file. SIGTERM makes it end
everything in reverse order, and so does the removal of the home. It holds a lock file as long as it lives, so each home has
at most one.
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from graphlib import TopologicalSorter
from typing import TextIO

import psutil

from landfall.errors import LandfallError
from landfall.stack import children, envfile, jars, java, layout, leftovers, ports
from landfall.stack.blueprint import Blueprint, chosen
from landfall.stack.layout import Layout
from landfall.stack.part import Part
from landfall.stack.runner import Runner
from landfall.stack.secrets import Secrets
from landfall.stack.state import Board, PartRecord, StackState, log_line

ALREADY_RUNNING = 3
ROTATED_EVERY = 30.0
"""Seconds between two checks of the size of the logs."""


def lock(files: Layout) -> TextIO | None:
    """The lock of this home, with our pid in it; None if another supervisor holds it."""
    file = files.lock_file.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.truncate(0)
    print(os.getpid(), file=file, flush=True)
    return file


def build(files: Layout, names: list[str], wanted: dict[str, int], claims: ports.Claims) -> list[Part]:
    """Decides ports, secrets and Java, writes the `env` file, and gives the parts. The ports stay claimed while `claims` live."""
    secrets = Secrets.load_or_create(files.secrets_file, data_exists=files.data("postgres").exists())
    logins = {"admin": secrets.airflow_admin, "landfall": secrets.airflow_landfall}
    envfile.write_whole(files.passwords_file, json.dumps(logins) + "\n")
    envfile.write_whole(files.mlflow_passwords_file, f'{{"admin": "{secrets.mlflow_admin}"}}\n')
    requested = {**ports.from_environment(), **wanted}
    blueprint = Blueprint(
        layout=files,
        project=layout.project_root(),
        ports=ports.choose(ports.listening(names), requested, files.ports_file, claims),
        secrets=secrets,
        java=java.choose(layout.cache()),
    )
    written = blueprint.variables(names)
    envfile.write(files.env_file, written)
    files.data("airflow").mkdir(parents=True, exist_ok=True)
    jars.clear_partial(layout.cache())
    return blueprint.parts(names, written)


def supervise(
    parts: list[Part], board: Board, stop: threading.Event, *, optional: Collection[str] = ()
) -> LandfallError | None:
    """Runs `parts` until `stop` is set or the start fails; gives the error of a failed start.

    SIGHUP ends the pause of parts that wait for their next start.
    """
    board.state.parts = [
        PartRecord(
            name=part.name,
            log=str(part.log),
            url=part.url,
            secret_file=str(part.secret_file) if part.secret_file else None,
            token_file=str(part.token_file) if part.token_file else None,
            needed=part.name not in optional,
        )
        for part in parts
    ]
    runners = {
        part.name: Runner(part, record, board, stop) for part, record in zip(parts, board.state.parts, strict=True)
    }
    for runner in runners.values():
        runner.needs = [runners[name] for name in runner.part.needs if name in runners]

    def hurry(*_: object) -> None:
        for runner in runners.values():
            runner.end_pause()

    signal.signal(signal.SIGHUP, hurry)
    for runner in runners.values():
        runner.start()
    try:
        return _watch(list(runners.values()), board, stop)
    finally:
        board.phase("stopping")
        stop.set()
        hurry()
        _end(runners, board)


def _watch(runners: list[Runner], board: Board, stop: threading.Event) -> LandfallError | None:
    logs = {runner.part.log for runner in runners} | {Layout.at().log("supervisor")}
    reaped = rotated = time.monotonic()
    while not stop.wait(0.2):
        if board.state.phase == "starting":
            if failed := next((runner.error for runner in runners if runner.error), None):
                return failed
            if all(runner.settled.is_set() for runner in runners):
                board.phase("up")
        board.catch_up()
        if time.monotonic() - reaped > 1:  # not more often: it looks at every process of the machine
            reaped = time.monotonic()
            children.reap(record.pid for record in board.state.parts if record.pid)
        if time.monotonic() - rotated > ROTATED_EVERY:
            rotated = time.monotonic()
            for log in logs:
                children.rotate(log)
    return None


def _end(runners: dict[str, Runner], board: Board) -> None:
    """Ends each part before the parts that it needs, with all its descendants; then whatever is left."""
    order = TopologicalSorter({name: runner.part.needs for name, runner in runners.items()})
    order.prepare()
    layers = []
    while order.is_active():
        layers.append(ready := order.get_ready())
        order.done(*ready)
    for layer in reversed(layers):
        enders = [threading.Thread(target=_end_one, args=(runners[name],)) for name in layer if name in runners]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        for name in layer:
            if name in runners:
                record, failed = runners[name].record, runners[name].error
                record.pid = None
                board.part(record, "failed" if failed else "stopped", doing=failed.what if failed else "")
    with suppress(psutil.Error):
        children.end(psutil.Process().children(recursive=True), patience=2)


def _end_one(runner: Runner) -> None:
    runner.join(timeout=0.5)
    record, part = runner.record, runner.part
    if record.pid is None:
        return
    began = time.monotonic()
    family = children.family(record.pid, record.created)
    leader = [process for process in family if process.pid == record.pid]
    children.end(leader, ask=part.stop_signal, patience=part.grace)
    children.end([process for process in family if process.pid != record.pid], patience=2)
    log_line(f"{part.name} ended after {time.monotonic() - began:.1f} s")


def _stop_without_home(files: Layout, stop: threading.Event) -> None:
    """Ends the stack once its folder was removed: nobody could find or stop it any more."""
    while not stop.wait(1):
        if not files.lock_file.exists():
            stop.set()


def main() -> int:
    parser = argparse.ArgumentParser(prog="landfall.stack.supervisor")
    parser.add_argument("--run", required=True)
    parser.add_argument("--parts", required=True)
    parser.add_argument("--optional", default="", help="parts whose failure does not fail the start")
    parser.add_argument("--port", action="append", default=[])
    options = parser.parse_args()
    os.umask(0o077)  # what the servers write is for this user alone, even in /tmp too
    files = Layout.at()
    files.make()
    files.log("supervisor").touch(mode=0o600)
    files.log("supervisor").chmod(0o600)  # whoever started us has it open already
    held = lock(files)
    if held is None:
        return ALREADY_RUNNING
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_stop_without_home, args=(files, stop), daemon=True).start()
    children.adopt_orphans()
    before = StackState.read(files.state_file)
    state = StackState(run=options.run, supervisor=os.getpid(), created=children.created(os.getpid()))
    board = Board(files.state_file, state)
    error: LandfallError | None = None
    try:
        if before:
            leftovers.end(before)
        board.phase("starting")
        claims = ports.Claims(layout.cache() / "ports")
        parts = build(files, chosen(options.parts.split(",")), ports.parse(options.port), claims)
        error = supervise(parts, board, stop, optional=options.optional.split(","))
    except LandfallError as problem:
        error = problem
    if error:
        log_line(str(error))
    board.phase("failed" if error else "stopped", error.as_dict() if error else None)
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
