"""One part's life: prepare, start, wait until healthy, watch, start again when it crashed or hangs, for ever."""

import threading
import time
import traceback

from landfall.errors import LandfallError, StackError
from landfall.stack import children
from landfall.stack.part import Part, Unknown, last_lines
from landfall.stack.state import Board, PartRecord, PartState, log_line

LONGEST_PAUSE = 30.0
"""Seconds between two starts of a part that keeps failing: it is never given up, since what it lacks may come back."""
STEADY = 30.0
"""A part that stayed up for so many seconds starts counting its failures anew."""
LONGEST_START = 1200.0
"""Seconds after which a start has failed, however busy it is."""
FIRST_TRIES = 3
"""How often the first start of a part that the stack needs is tried where it hangs. One that ends by itself would again."""
STARTS_TO_WORK = 2.0
"""Seconds of CPU time that count as progress; an idle JVM uses less than that in a minute."""


class Standstill:
    """For how long a server and all that it started have done nothing: no CPU time worth the name, no line in the log."""

    def __init__(self, part: Part, record: PartRecord) -> None:
        self.part, self.record = part, record
        self._cpu, self._log, self._since = self._used(), self._logged(), time.monotonic()
        self._asked = self._since

    def seconds(self) -> float:
        """Seconds since it was last seen to work."""
        now = time.monotonic()
        if now - self._asked < 1:  # every process of the machine is looked at
            return now - self._since
        self._asked = now
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
    """A thread per part. The servers die with the thread that started them, so it lives as long as its server."""

    def __init__(self, part: Part, record: PartRecord, board: Board, stop: threading.Event) -> None:
        super().__init__(name=part.name, daemon=True)
        self.part, self.record, self.board, self.stop = part, record, board, stop
        self.began = time.monotonic()
        self.healthy = threading.Event()
        """Set while the part is healthy."""
        self.settled = threading.Event()
        """Set once its first start is over, well or not."""
        self.hurry = threading.Event()
        """Set to end the pause before the next start."""
        self.error: LandfallError | None = None
        """Why the first start of a part that the stack needs failed: the whole start has."""
        self.needs: list[Runner] = []
        self.stood_still = False
        """Whether its last start hung, rather than ended."""

    def run(self) -> None:
        failures, tries = 0, 0
        while not self.stop.is_set():
            self._tell("waiting", ", ".join(other.part.name for other in self.needs if not other.healthy.is_set()))
            if not self._needs_are_healthy():
                return
            began = time.monotonic()
            problem = self._once()
            if self.stop.is_set():
                return
            first, tries = not self.settled.is_set(), tries + 1
            if first and self.record.needed and not (self.stood_still and tries < FIRST_TRIES):
                self.error = problem
                self._tell("failed", problem.what)
                return
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            self.record.restarts += not first
            self._tell("restarting", problem.what)
            if not self.record.needed:
                self.settled.set()
            self.hurry.wait(min(LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10)))
            self.hurry.clear()

    def end_pause(self) -> None:
        """Start a part at once that waits for its next start."""
        self.hurry.set()

    def _needs_are_healthy(self) -> bool:
        """Waits for the parts that this one needs; False if the stack stops, or one of them did not start."""
        for other in self.needs:
            while not other.healthy.wait(0.05):
                if self.stop.is_set() or other.error:
                    return False
        return True

    def _once(self) -> LandfallError:
        """One life of the server, from its preparation to its end; gives why it ended."""
        try:
            self._tell("preparing")
            self.part.prepare(lambda doing: self._tell("preparing", doing))
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
        except Exception as error:  # a full disk, say, or a defect of ours: the part is tried again, the thread stays
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
        self._tell("starting")
        return process

    def _until_healthy(self, process: children.Process, started: float) -> str | None:
        """None when it is healthy (or the stack stops); else what was tried, and what came."""
        began, still = time.monotonic(), Standstill(self.part, self.record)
        while not self.stop.wait(0.15):
            took = time.monotonic() - began
            if (code := process.poll()) is not None:
                return f"it ended with exit code {code} after {took:.0f} s"
            came = self.part.check(started)
            if came is None:
                self.part.settle()
                return None
            idle = still.seconds()
            if not isinstance(came, Unknown) and (idle > self.part.patience or took > LONGEST_START):
                self.stood_still = True
                return f"not healthy after {took:.0f} s, the last {idle:.0f} without a sign of work; {came}"
        return None

    def _became_healthy(self) -> None:
        if self.record.seconds is None:
            self.record.seconds = round(time.monotonic() - self.began, 1)
        self._tell("healthy")
        self.healthy.set()
        self.settled.set()

    def _watch(self, process: children.Process, started: float) -> str:
        """Watches a healthy server until it ends, or has to be ended since it answers no more; gives why."""
        asked, failing = time.monotonic(), None
        since = asked
        while not self.stop.wait(0.2):
            if (code := process.poll()) is not None:
                return f"it ended with exit code {code}"
            if time.monotonic() - asked < self.part.probe_every:
                continue
            came = self.part.probe(started)
            asked = time.monotonic()
            if isinstance(came, Unknown):
                continue
            if came is None:
                if failing:
                    failing = None
                    self._tell("healthy")
                    self.healthy.set()
            elif failing is None:
                since, failing = asked, Standstill(self.part, self.record)
            else:
                self.healthy.clear()
                self._tell("unhealthy", came)
                unanswered, limit = asked - since, self.part.gives_up_after
                if min(failing.seconds(), unanswered) > self.part.hung_after or (limit and unanswered > limit):
                    return f"it was ended, since it had not answered for {unanswered:.0f} s; {came}"
        return ""

    def _tell(self, state: PartState, doing: str = "") -> None:
        """Writes the part's state down for everybody; what goes wrong, and its end, also stands in the supervisor's log."""
        before = self.record.state
        if (state, doing) == (before, self.record.doing):
            return
        if state != before and {state, before} & {"unhealthy", "restarting", "failed"}:
            log_line(f"{self.part.name} {state}{': ' if doing else ''}{doing}")
        self.board.part(self.record, state, doing=doing)
