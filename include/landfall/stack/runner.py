"""The life of one part: prepare, start, wait until healthy, watch; start again whenever it crashes or hangs."""

import threading
import time
import traceback

from landfall.errors import LandfallError, StackError
from landfall.stack import children
from landfall.stack.part import Part, Unknown, last_lines
from landfall.stack.state import Board, PartRecord, PartState, log_line

LONGEST_PAUSE = 30.0
"""Seconds between two starts of a part that keeps failing. It is never given up, since what it lacks may come back."""
STEADY = 30.0
"""A part that has stayed up for this many seconds counts its failures from 0 again."""
LONGEST_START = 1200.0
"""Seconds after which a start has failed, even if the part is busy."""
FIRST_TRIES = 3
"""How often the first start of a needed part is tried if it hangs. A start that ended by itself would end again: one try."""
STARTS_TO_WORK = 2.0
"""Seconds of CPU time that count as progress; an idle JVM uses less than that in a minute."""


class Standstill:
    """How long a server and everything that it started have done nothing: no CPU time worth mentioning, no line in the log."""

    def __init__(self, part: Part, record: PartRecord) -> None:
        self.part, self.record = part, record
        self._cpu, self._log, self._since = self._used(), self._logged(), time.monotonic()
        self._checked_at = self._since

    def seconds(self) -> float:
        """Seconds since the server last showed a sign of work."""
        now = time.monotonic()
        if now - self._checked_at < 1:  # the answer is kept for a second: it looks at every process of the machine
            return now - self._since
        self._checked_at = now
        cpu, log = self._used(), self._logged()
        if abs(cpu - self._cpu) >= STARTS_TO_WORK or log != self._log:
            self._cpu, self._log, self._since = cpu, log, now
        return now - self._since

    def _used(self) -> float:
        pid = self.record.pid
        return children.seconds_of_cpu(children.family(pid, self.record.created)) if pid else 0.0

    def _logged(self) -> int:
        try:
            return self.part.log.stat().st_size
        except OSError:
            return 0


class Runner(threading.Thread):
    """One thread per part. A server dies with the thread that started it, so the thread lives as long as its server."""

    def __init__(self, part: Part, record: PartRecord, board: Board, stop: threading.Event) -> None:
        super().__init__(name=part.name, daemon=True)
        self.part, self.record, self.board, self.stop = part, record, board, stop
        self.began = time.monotonic()
        self.healthy = threading.Event()
        """Set while the part is healthy."""
        self.settled = threading.Event()
        """Set once its first start is over, successful or not."""
        self.hurry = threading.Event()
        """Set to end the pause before the next start."""
        self.error: LandfallError | None = None
        """Why the first start of a needed part failed; the start of the whole stack has then failed."""
        self.needs: list[Runner] = []
        self.stood_still = False
        """True if its last start hung rather than ended."""

    def run(self) -> None:
        failures, tries = 0, 0
        while not self.stop.is_set():
            self._record("waiting", ", ".join(needed.part.name for needed in self.needs if not needed.healthy.is_set()))
            if not self._needs_are_healthy():
                return
            began = time.monotonic()
            problem = self._once()
            if self.stop.is_set():
                return
            first, tries = not self.settled.is_set(), tries + 1
            if first and self.record.needed and not (self.stood_still and tries < FIRST_TRIES):
                self.error = problem
                self._record("failed", problem.what)
                return
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            self.record.restarts += not first
            self._record("restarting", problem.what)
            if not self.record.needed:
                self.settled.set()
            self.hurry.wait(min(LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10)))
            self.hurry.clear()

    def end_pause(self) -> None:
        """Ends the pause of a part that waits for its next start."""
        self.hurry.set()

    def _needs_are_healthy(self) -> bool:
        """Waits for the parts that this one needs; false if the stack stops, or one of them did not start."""
        for needed in self.needs:
            while not needed.healthy.wait(0.05):
                if self.stop.is_set() or needed.error:
                    return False
        return True

    def _once(self) -> LandfallError:
        """One life of the server, from its preparation to its end; gives the reason of the end."""
        try:
            self._record("preparing")
            self.part.prepare(lambda doing: self._record("preparing", doing))
            if self.stop.is_set():
                return StackError("The stack stops.")
            started = time.time()
            process = self._spawn()
            self.stood_still = False
            try:
                problem = self._until_healthy(process, started)
                if problem is None and not self.stop.is_set():
                    self._became_healthy()
                    problem = self._watch(process, started)
            finally:
                self.healthy.clear()
                if not self.stop.is_set():
                    children.end(children.family(process.pid, self.record.created), ask=self.part.stop_signal)
        except LandfallError as error:
            return error
        except Exception as error:  # such as a full disk or a bug of ours: the part is tried again, the thread lives on
            log_line(traceback.format_exc())
            what = f"The part `{self.part.name}` failed: {type(error).__name__}: {error}"
            return StackError(what, looked=str(self.part.log), next="landfall doctor")
        return self._ended(problem or "")

    def _ended(self, problem: str) -> LandfallError:
        failed = "ended" if self.settled.is_set() else "did not start"
        return StackError(
            f"The part `{self.part.name}` {failed}{f': {problem}' if self.settled.is_set() else ''}.",
            looked="\n    ".join([problem, f"{self.part.log} ends with:", *last_lines(self.part.log)]),
            next=f"landfall logs {self.part.name}    (and landfall doctor)",
        )

    def _spawn(self) -> children.Process:
        part = self.part
        process = children.spawn(
            part.command(), env=part.env, log=part.log, wrap=part.wrap, user=part.user, death_signal=part.stop_signal
        )
        self.record.pid, self.record.created = process.pid, children.created(process.pid)
        self._record("starting")
        return process

    def _until_healthy(self, process: children.Process, started: float) -> str | None:
        """None if it became healthy (or the stack stops); else what was tried and what came back."""
        began, still = time.monotonic(), Standstill(self.part, self.record)
        while not self.stop.wait(0.15):
            took = time.monotonic() - began
            if (code := process.poll()) is not None:
                return f"it ended with exit code {code} after {took:.0f} s"
            problem = self.part.check(started)
            if problem is None:
                self.part.settle()
                return None
            idle = still.seconds()
            if not isinstance(problem, Unknown) and (idle > self.part.patience or took > LONGEST_START):
                self.stood_still = True
                return f"not healthy after {took:.0f} s, the last {idle:.0f} without a sign of work; {problem}"
        return None

    def _became_healthy(self) -> None:
        if self.record.seconds is None:
            self.record.seconds = round(time.monotonic() - self.began, 1)
        self._record("healthy")
        self.healthy.set()
        self.settled.set()

    def _watch(self, process: children.Process, started: float) -> str:
        """Watches a healthy server until it ends, or must be ended because it no longer answers; gives the reason."""
        probed_at, failing = time.monotonic(), None
        since = probed_at
        while not self.stop.wait(0.2):
            if (code := process.poll()) is not None:
                return f"it ended with exit code {code}"
            if time.monotonic() - probed_at < self.part.probe_every:
                continue
            problem = self.part.probe(started)
            probed_at = time.monotonic()
            if isinstance(problem, Unknown):
                continue
            if problem is None:
                if failing:
                    failing = None
                    self._record("healthy")
                    self.healthy.set()
            elif failing is None:
                since, failing = probed_at, Standstill(self.part, self.record)
            else:
                self.healthy.clear()
                self._record("unhealthy", problem)
                unanswered, limit = probed_at - since, self.part.gives_up_after
                if min(failing.seconds(), unanswered) > self.part.hung_after or (limit and unanswered > limit):
                    return f"it was ended, since it had not answered for {unanswered:.0f} s; {problem}"
        return ""

    def _record(self, state: PartState, doing: str = "") -> None:
        """Writes the part's state for everybody to read. Problems, and their ends, go into the supervisor's log too."""
        before = self.record.state
        if (state, doing) == (before, self.record.doing):
            return
        if state != before and {state, before} & {"unhealthy", "restarting", "failed"}:
            log_line(f"{self.part.name} {state}{': ' if doing else ''}{doing}")
        self.board.part(self.record, state, doing=doing)
