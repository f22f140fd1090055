"""One part's life: prepare, start, wait until healthy, watch, start again when it crashed."""

import threading
import time

import psutil

from landfall.errors import LandfallError, StackError
from landfall.stack import children
from landfall.stack.part import Part, last_lines
from landfall.stack.state import Board, PartRecord

RESTARTS = 5
"""Crashes in a row after which a part is given up; a part that stayed up for STEADY seconds starts counting anew."""
STEADY = 30.0


class Runner(threading.Thread):
    """A thread per part. The servers die with the thread that started them, so it lives as long as its server."""

    def __init__(self, part: Part, record: PartRecord, board: Board, stop: threading.Event, began: float) -> None:
        super().__init__(name=part.name, daemon=True)
        self.part, self.record, self.board, self.stop, self.began = part, record, board, stop, began
        self.healthy = threading.Event()
        self.error: LandfallError | None = None
        self.needs: list[Runner] = []

    def run(self) -> None:
        try:
            for other in self.needs:
                while not other.healthy.wait(0.05):
                    if self.stop.is_set() or other.error:
                        return
            self._live()
        except LandfallError as error:
            self._failed(error)
        except Exception as error:  # a defect of ours must stop the stack, not leave a thread missing
            what = f"The part `{self.part.name}` failed: {type(error).__name__}: {error}"
            self._failed(StackError(what, looked=str(self.part.log), next="landfall doctor"))

    def _failed(self, error: LandfallError) -> None:
        self.error = error
        self.board.part(self.record, "failed", doing=error.what)

    def _live(self) -> None:
        crashes = 0
        while not self.stop.is_set():
            self.board.part(self.record, "preparing")
            self.part.prepare(lambda doing: self.board.part(self.record, "preparing", doing=doing))
            if self.stop.is_set():
                return
            started = time.time()
            process = self._spawn()
            problem = self._until_healthy(process, started)
            if problem is None and not self.stop.is_set():
                self._became_healthy()
                problem = self._watch(process)
            if self.stop.is_set():
                return
            children.end(children.family(process.pid, self.record.created), ask=self.part.stop_signal)
            crashes = 1 if time.time() - started > STEADY else crashes + 1
            if not self.healthy.is_set() or crashes > RESTARTS:
                raise StackError(
                    f"The part `{self.part.name}` {'keeps failing' if self.healthy.is_set() else 'did not start'}.",
                    looked="\n    ".join([problem or "", f"{self.part.log} ends with:", *last_lines(self.part.log)]),
                    next=f"landfall logs {self.part.name}    (and landfall doctor)",
                )
            self.record.restarts += 1
            self.board.part(self.record, "restarting", doing=problem or "")
            self.stop.wait(min(30.0, 0.5 * 2**crashes))

    def _spawn(self) -> children.Process:
        part = self.part
        process = children.spawn(
            part.command(), env=part.env, log=part.log, wrap=part.wrap, user=part.user, death_signal=part.stop_signal
        )
        self.record.pid, self.record.created = process.pid, psutil.Process(process.pid).create_time()
        self.board.part(self.record, "starting")
        return process

    def _until_healthy(self, process: children.Process, started: float) -> str | None:
        """None when it is healthy (or the stack stops); else what was tried, and what came."""
        came: str | None = "not asked yet"
        while not self.stop.wait(0.15):
            if (code := process.poll()) is not None:
                return f"it ended with exit code {code} after {time.time() - started:.0f} s"
            came = self.part.check(started)
            if came is None:
                self.part.settle()
                return None
            if time.time() - started > self.part.patience:
                return f"not healthy after {self.part.patience:.0f} s; {came}"
        return None

    def _became_healthy(self) -> None:
        if self.record.seconds is None:
            self.record.seconds = round(time.time() - self.began, 1)
        self.board.part(self.record, "healthy")
        self.healthy.set()

    def _watch(self, process: children.Process) -> str:
        while not self.stop.wait(0.2):
            if (code := process.poll()) is not None:
                return f"it ended with exit code {code}"
        return ""
