"""A triggerer that is watched from outside: its memory, its CPU, its waits, the lags of its event loop, its requests."""

import contextlib
import json
import re
import socket
import sys
import threading
from pathlib import Path

import psutil

from landfall.stack import environment
from landfall.stack.variables import for_servers

BLOCKED = re.compile(r"was blocked for ([\d.]+) seconds")
RUNNING = re.compile(r"(\d+) triggers currently running")
WATCHDOG = 0.1
"""Seconds that Airflow's watchdog sleeps, which its own figures include."""


class Forwarder:
    """Forwards TCP to the S3 server and counts the HTTP requests that pass."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.to, self.requests = to, 0
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listening.accept()
            far = socket.create_connection(self.to)
            for one, other, counts in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._copy, args=(one, other, counts), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self.requests += counts and data.count(b" HTTP/1.1\r\n")
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
                each.close()


class Triggerer:
    """A triggerer that is watched."""

    def __init__(self, home: Path, forwarder: Forwarder) -> None:
        env = for_servers(environment(home))
        connection = json.loads(env["AIRFLOW_CONN_LANDFALL_S3"])
        connection["extra"]["endpoint_url"] = forwarder.url
        env |= {
            "LANDFALL_S3_ENDPOINT": forwarder.url,
            "AIRFLOW_CONN_LANDFALL_S3": json.dumps(connection),
            "AIRFLOW__TRIGGERER__BLOCKED_MAIN_THREAD_WARNING_THRESHOLD": str(WATCHDOG + 0.01),
        }
        self.log = home / "logs" / "watched_triggerer.log"
        command = [sys.executable, "-m", "landfall.stack.airflow", "triggerer", "--skip-serve-logs"]
        with self.log.open("wb") as output:
            self.process = psutil.Popen(command, stdout=output, stderr=output, env=env, start_new_session=True)

    def family(self) -> list[psutil.Process]:
        """The supervisor and the runner."""
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> int:
        """Bytes, PSS, of all its processes."""
        return sum(each.memory_full_info().pss for each in self.family())

    def cpu(self) -> float:
        """Seconds so far, all processes."""
        return sum(sum(each.cpu_times()[:2]) for each in self.family())

    def waits(self) -> int:
        """How many triggers run in it, as it says once a minute."""
        told = RUNNING.findall(self.log.read_text(errors="replace"))
        return int(told[-1]) if told else 0

    def lags(self) -> list[float]:
        """Every lag so far, seconds."""
        return [float(found[1]) - WATCHDOG for found in BLOCKED.finditer(self.log.read_text(errors="replace"))]

    def end(self) -> None:
        """Stop it."""
        family = self.family()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(family)
