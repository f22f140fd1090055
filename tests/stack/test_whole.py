"""The whole stack, as the suite uses it."""

import json
import os
import signal
import socket
import stat
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psutil

AIRFLOW = ["api-server", "dag-processor", "scheduler", "triggerer"]
PARTS = ["postgres", "s3", "spark", "serving", *AIRFLOW, "databricks", "kafka", "connect", "streams"]


class Stack(Protocol):
    home: Path
    env: dict[str, str]

    def ps(self) -> list[dict[str, object]]: ...


def part(stack: Stack, name: str) -> dict[str, object]:
    return next(one for one in stack.ps() if one["name"] == name)


def test_every_part_is_listed_healthy_with_its_address_and_log(stack: Stack) -> None:
    listed = stack.ps()
    assert [one["name"] for one in listed] == PARTS
    assert {one["state"] for one in listed} == {"healthy"}
    for one in listed:
        assert Path(str(one["log"])).exists()
        assert psutil.pid_exists(int(str(one["pid"])))
    with_address = {str(one["name"]) for one in listed if one["url"]}
    assert with_address == {"postgres", "s3", "spark", "serving", "api-server", "databricks", "kafka", "connect"}


def test_the_stack_listens_on_127_0_0_1_only(stack: Stack) -> None:
    for one in stack.ps():
        if one["url"]:
            url = str(one["url"])  # a broker's is HOST:PORT
            address = urlsplit(url if "://" in url else f"//{url}")
            assert address.hostname in ("127.0.0.1", "localhost")
            socket.create_connection(("127.0.0.1", address.port or 0), timeout=5).close()
        leader = psutil.Process(int(str(one["pid"])))
        for process in [leader, *leader.children(recursive=True)]:
            assert listening(process) <= {"127.0.0.1"}


def test_files_with_secrets_are_closed_to_others(stack: Stack) -> None:
    named = {Path(str(one[kind])) for one in stack.ps() for kind in ("secret_file", "token_file") if one[kind]}
    for file in {*named, stack.home / "env", stack.home / "secrets.json"}:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def listening(process: psutil.Process) -> set[str]:
    """The addresses that a process listens on; none of one that has just ended."""
    try:
        open_ones = [each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return set()
    return {each.laddr.ip.removeprefix("::ffff:") for each in open_ones}


def command_line(process: psutil.Process) -> str:
    """What `ps` would show of a process; nothing of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def test_no_command_line_shows_a_secret(stack: Stack) -> None:
    secrets = [
        stack.env[name]
        for name in (
            "AWS_SECRET_ACCESS_KEY",
            "LANDFALL_AIRFLOW_PASSWORD",
            "LANDFALL_CONNECT_PASSWORD",
            "LANDFALL_CAPTURE_PASSWORD",
        )
    ]
    secrets.append(json.loads((stack.home / "airflow-passwords.json").read_text())["admin"])
    secrets += [stack.env["LANDFALL_SPARK_REMOTE"].partition("token=")[2], stack.env["LANDFALL_DATABASE_URL"]]
    for one in stack.ps():
        leader = psutil.Process(int(str(one["pid"])))
        shown = [command_line(process) for process in [leader, *leader.children(recursive=True)]]
        assert not [line for line in shown if any(secret in line for secret in secrets)]


def test_a_killed_triggerer_is_started_again(stack: Stack) -> None:
    first = part(stack, "triggerer")
    os.kill(int(str(first["pid"])), signal.SIGKILL)
    end = time.monotonic() + 600
    while (now := part(stack, "triggerer"))["state"] != "healthy" or now["pid"] == first["pid"]:
        assert time.monotonic() < end, now
        time.sleep(1)
    assert int(str(now["restarts"])) == int(str(first["restarts"])) + 1
