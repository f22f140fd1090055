"""Which port each server listens on: the requested one, else the one it had before, else its usual one or a free one."""

import fcntl
import json
import os
import random
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from landfall.errors import StackError
from landfall.stack.envfile import write_whole

USUAL = {
    "postgres": 15432,
    "s3": 19000,
    "spark": 15002,
    "serving": 18000,
    "api-server": 8080,
    "mlflow": 15000,
    "databricks": 15080,
    "kafka": 19092,
    "kafka-controller": 19093,
    "connect": 18083,
}
ALSO = {"kafka": ("kafka-controller",)}
"""The further ports of a part that has more than one."""
VARIABLES = {
    "postgres": "LANDFALL_POSTGRES_PORT",
    "s3": "LANDFALL_S3_PORT",
    "spark": "LANDFALL_SPARK_PORT",
    "serving": "LANDFALL_SERVING_PORT",
    "api-server": "LANDFALL_AIRFLOW_PORT",
    "mlflow": "LANDFALL_MLFLOW_PORT",
    "databricks": "LANDFALL_DATABRICKS_PORT",
    "kafka": "LANDFALL_KAFKA_PORT",
    "kafka-controller": "LANDFALL_KAFKA_CONTROLLER_PORT",
    "connect": "LANDFALL_CONNECT_PORT",
}
# Below the kernel's usual range for outgoing connections (32768 and up), so that none takes the port meanwhile.
FREE_RANGE = range(20000, 32000)


def parse(texts: Sequence[str]) -> dict[str, int]:
    """`["spark=15003"]` as `{"spark": 15003}`; `airflow` means the api-server.

    Raises:
        StackError: not PART=NUMBER, an unknown part, or a number that is no port.
    """
    requested: dict[str, int] = {}
    for text in texts:
        name, _, number = text.partition("=")
        part = "api-server" if name == "airflow" else name
        if part not in USUAL:
            raise StackError.unknown(
                "part with a port", name, [*USUAL, "airflow"], next="landfall up --port spark=15003"
            )
        if not number.isdecimal() or not 0 < int(number) < 65536:
            raise StackError(f"`{text}` names no port.", looked="expected PART=NUMBER, 1 to 65535")
        requested[part] = int(number)
    return requested


def listening(parts: Sequence[str]) -> list[str]:
    """The names of the ports on which `parts` listen."""
    return [port for part in parts for port in (part, *ALSO.get(part, ())) if port in USUAL]


def from_environment(variables: Mapping[str, str] | None = None) -> dict[str, int]:
    """The ports that LANDFALL_AIRFLOW_PORT and the like request."""
    env = os.environ if variables is None else variables
    return parse([f"{part}={env[name]}" for part, name in VARIABLES.items() if env.get(name)])


def is_free(port: int) -> bool:
    """True if a server can listen on 127.0.0.1:port now (a listener on every interface counts as taken)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Claims:
    """Ports that this process will listen on: without claims, stacks that start at the same moment would pick the same free port.

    A claim is a locked file in a folder that all stacks of the user share. The locks end with the process.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.held: dict[int, IO[str]] = {}

    def take(self, port: int) -> bool:
        """Claims the port if it is free and nobody else has claimed it; true if it is ours."""
        if port in self.held or not is_free(port):
            return port in self.held
        file = (self.folder / str(port)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self.held[port] = file
        return True


def choose(parts: Sequence[str], requested: Mapping[str, int], kept: Path, claims: Claims) -> dict[str, int]:
    """A port for every part, remembered in the file `kept`; the ports of `parts` are free, and claimed.

    Raises:
        StackError: a requested port is taken, or requested twice.
    """
    remembered: dict[str, int] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    chosen: dict[str, int] = {}
    for part in sorted(USUAL, key=lambda name: name not in requested):
        taken = set(chosen.values())
        if part in requested:
            chosen[part] = _requested(part, requested[part], claims if part in parts else None, taken)
        else:
            first = remembered.get(part, USUAL[part])
            keep = first not in taken and (part not in parts or claims.take(first))
            chosen[part] = first if keep else _any_free(taken, claims)
    write_whole(kept, json.dumps(chosen, indent=1) + "\n")
    return chosen


def _requested(part: str, port: int, claims: Claims | None, taken: set[int]) -> int:
    if port in taken or (claims and not claims.take(port)):
        raise StackError(
            f"Port {port}, requested for `{part}`, is taken.",
            looked=f"127.0.0.1:{port}",
            left="nothing was started",
            next=f"landfall up --port {part}=NUMBER    (without it, a free port is chosen)",
        )
    return port


def _any_free(taken: set[int], claims: Claims) -> int:
    for port in random.sample(FREE_RANGE, 200):
        if port not in taken and claims.take(port):
            return port
    raise StackError("No free port was found.", looked=f"200 ports between {FREE_RANGE.start} and {FREE_RANGE.stop}")
