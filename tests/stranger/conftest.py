"""What the strangers' tests share: a second Unix user, the stack's processes, and the ports that they listen on."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

NAME = f"landfall-stranger{os.environ.get('PYTEST_XDIST_WORKER', '')}"
"""A user for each process of the tests: one of them may end, and remove its user, while another goes on."""


@dataclass(frozen=True)
class Stranger:
    """Another user of this machine, without a group in common with ours."""

    uid: int
    gid: int
    python: str
    """A Python that they may run."""

    def run(self, words: Sequence[str], *, input: str | None = None) -> "subprocess.CompletedProcess[str]":
        """What comes of a Python program that they run: `words` are its text and its arguments."""
        done = subprocess.run(
            [self.python, "-I", "-S", "-c", *words], user=self.uid, group=self.gid, extra_groups=[], cwd="/",
            env={"PATH": os.defpath}, input=input, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="session")
def stranger() -> Iterator[Stranger]:
    """A user that is made for the suite and removed afterwards."""
    if os.geteuid() or not shutil.which("useradd"):
        pytest.skip("sudo .venv/bin/python -m pytest tests/stranger    (to be another user takes root, and useradd)")
    made = NAME not in {each.pw_name for each in pwd.getpwall()}
    if made:
        subprocess.run(["useradd", "--system", "--no-create-home", "--user-group", NAME], check=True)
    user = pwd.getpwnam(NAME)
    try:
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            try:
                tried = subprocess.run(
                    [python, "-I", "-S", "-c", ""], user=user.pw_uid, group=user.pw_gid, cwd="/", check=False
                )
            except OSError:
                continue
            if not tried.returncode:
                yield Stranger(user.pw_uid, user.pw_gid, python)
                return
        pytest.skip("apt-get install python3    (no Python on this machine may be run by another user)")
    finally:
        if made:
            subprocess.run(["userdel", NAME], check=False)


def processes(stack: Any) -> dict[psutil.Process, str]:
    """Every process of the stack, and the part that it belongs to."""
    found = {}
    for part in stack.ps():
        leader = psutil.Process(int(part["pid"]))
        found |= dict.fromkeys([leader, *leader.children(recursive=True)], str(part["name"]))
    return found


def listening(stack: Any) -> dict[int, tuple[str, str]]:
    """Every port that a process of the stack listens on: the part whose process it is, and the program."""
    found = {}
    for process, part in processes(stack).items():
        try:
            connections, program = process.net_connections(kind="inet"), process.name()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        program = "java" if program == "java" else "postgres" if program == "postgres" else "python"
        found |= {each.laddr.port: (part, program) for each in connections if each.status == psutil.CONN_LISTEN}
    return found


@pytest.fixture
def processes_of_the_stack(stack: Any) -> list[psutil.Process]:
    """Every process of the stack."""
    return list(processes(stack))


@pytest.fixture
def listening_ports(stack: Any) -> dict[int, tuple[str, str]]:
    """As `listening`."""
    return listening(stack)


@pytest.fixture
def ports_of(stack: Any) -> Callable[[str, str], list[int]]:
    """The ports that a program of a part listens on, the one that the part tells of first."""

    def ports(part: str, program: str) -> list[int]:
        told = next(str(each["url"]) for each in stack.ps() if each["name"] == part)
        found = [port for port, where in listening(stack).items() if where == (part, program)]
        return sorted(found, key=lambda port: (not told.rstrip("/").endswith(f":{port}"), port))

    return ports
