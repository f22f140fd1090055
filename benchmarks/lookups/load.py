"""Load on an HTTP server from one process: kept connections, requests written by hand, an open loop, and saturation."""

import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

CONNECTIONS = 32
Requests = Callable[[int], bytes]
"""The n-th request, head and body, as it is sent."""


@dataclass
class Measured:
    """What came of the requests of a phase: seconds from the planned send, and how many failed."""

    seconds: list[float] = field(default_factory=list)
    failed: Counter[int] = field(default_factory=Counter)
    """Status -> answers; 0 where there was none."""

    def line(self, name: str) -> str:
        """A line of the table."""
        cuts = statistics.quantiles(self.seconds, n=1000)
        p50, p99, p999 = (f"{cuts[n] * 1000:.1f}" for n in (499, 989, 998))
        said = ", ".join(f"{count} of {status or 'no answer'}" for status, count in sorted(self.failed.items()))
        return f"| {name} | {len(self.seconds) + self.failed.total()} | {p50} | {p99} | {p999} | {said or 0} |"


def get(path: str, head: str = "") -> bytes:
    """A GET request; `head` has further lines."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode()


def post(path: str, body: object, head: str = "") -> bytes:
    """A POST request with a JSON body."""
    text = json.dumps(body)
    lines = f"Host: localhost\r\n{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n{text}".encode()


class Client:
    """Connections that are kept until the server closes them: a client library would take more CPU than the service."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> int:
        """The status of the answer; 0 if there was none."""
        try:
            reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError):
            return 0
        if b"\r\nconnection: close" in head:
            writer.close()
        else:
            self.idle.append((reader, writer))
        return int(head[9:12])


async def open_loop(client: Client, requests: Requests, rate: int, seconds: float) -> Measured:
    """`rate` requests a second, sent when they are planned, whether or not those before were answered."""
    client.idle.clear()  # they belong to another loop
    loop, measured = asyncio.get_running_loop(), Measured()
    began, asked = loop.time(), []

    async def one(n: int, planned: float) -> None:
        status = await client.ask(requests(n))
        if status == 200:
            measured.seconds.append(loop.time() - planned)
        else:
            measured.failed[status] += 1

    for n in range(int(rate * seconds)):
        planned = began + n / rate
        if (pause := planned - loop.time()) > 0:
            await asyncio.sleep(pause)
        asked.append(asyncio.create_task(one(n, planned)))
    await asyncio.gather(*asked)
    return measured


async def saturate(client: Client, requests: Requests, process: psutil.Process, seconds: float) -> float:
    """Requests answered for each second of CPU time of the server and its children, 32 connections asking all the while."""
    client.idle.clear()  # they belong to another loop
    loop, answered = asyncio.get_running_loop(), 0
    until = loop.time() + seconds

    async def again_and_again() -> None:
        nonlocal answered
        while loop.time() < until:
            status = await client.ask(requests(answered))
            answered += status == 200  # not in one statement: the others count meanwhile

    before = cpu_seconds(process)
    await asyncio.gather(*(again_and_again() for _ in range(CONNECTIONS)))
    return answered / (cpu_seconds(process) - before)


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time so far of a process and of those that it has started, in seconds; also of those that have ended."""
    return sum(sum(each.cpu_times()[:4]) for each in [process, *process.children(recursive=True)])
