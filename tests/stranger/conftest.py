"""What the strangers' tests share: the stack's processes, and the ports that they listen on."""

from collections.abc import Callable
from typing import Any

import psutil
import pytest


def listening(stack: Any) -> dict[int, tuple[str, str]]:
    """Every port that a process of the stack listens on: the part whose process it is, and the program."""
    found = {}
    for part in stack.ps():
        leader = psutil.Process(int(part["pid"]))
        for process in [leader, *leader.children(recursive=True)]:
            try:
                connections, program = process.net_connections(kind="inet"), process.name()
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            program = "java" if program == "java" else "python" if "python" in program else program
            found |= {
                each.laddr.port: (part["name"], program) for each in connections if each.status == psutil.CONN_LISTEN
            }
    return found


@pytest.fixture
def ports_of(stack: Any) -> Callable[[str, str], list[int]]:
    """The ports that a program of a part listens on, the one that the part tells of first."""

    def ports(part: str, program: str) -> list[int]:
        told = next(str(each["url"]) for each in stack.ps() if each["name"] == part)
        found = [port for port, where in listening(stack).items() if where == (part, program)]
        return sorted(found, key=lambda port: (not told.rstrip("/").endswith(f":{port}"), port))

    return ports
