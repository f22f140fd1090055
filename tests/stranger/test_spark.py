"""A stranger at Spark's ports: no object of theirs is deserialised, no command obeyed, no query answered."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.session import CONNECTED

Ports = Callable[[str, str], list[int]]
STRANGER = Path(__file__).with_name("spark_stranger.py")
RPC_REQUEST, RPC_FAILURE, STREAM_REQUEST, STREAM_FAILURE = 3, 5, 6, 8
"""Kinds of message of Spark's network protocol (org.apache.spark.network.protocol.Message)."""


def ask(port: int, kind: int, fields: bytes, body: bytes = b"") -> tuple[int | None, bytes]:
    """Send one message to a port; the kind and the content of the answer, no kind where the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(struct.pack(">QB", 9 + len(fields) + len(body), kind) + fields + body)
        told = b""
        while len(told) < 9 or len(told) < struct.unpack(">Q", told[:8])[0]:
            if not (more := connection.recv(65536)):
                return None, told
            told += more
    return told[8], told[9:]


def test_spark_listens_for_its_callers_and_with_two_ports_of_its_own(ports_of: Ports) -> None:
    assert len(ports_of("spark", "java")) >= 3, "Spark Connect, the driver's RPC, the block manager"


@pytest.mark.stack
def test_an_object_from_a_stranger_is_not_deserialised(ports_of: Ports) -> None:
    """Before anything else is read of a connection, it has to show the secret."""
    serialised = b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap"
    for port in ports_of("spark", "java")[1:]:
        kind, told = ask(port, RPC_REQUEST, struct.pack(">qi", 7, len(serialised)), serialised)
        assert kind == RPC_FAILURE
        assert b"java.lang.IllegalArgumentException: Unknown challenge message." in told
        assert b"AuthRpcHandler.doAuthChallenge" in told


def test_a_python_worker_runs_nothing_for_a_stranger(stack: Any, ports_of: Ports) -> None:
    """Spark's Python workers come from a process that listens too: each new connection has to begin with its secret."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(stack.settings.spark_remote).create()
    try:
        session.range(10).mapInPandas(lambda frames: frames, "id long").count()
        ports = ports_of("spark", "python")
        assert ports
        for port in ports:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                assert struct.unpack(">i", connection.recv(4))[0] > 0  # the number of its process
                connection.sendall(struct.pack(">i", 5) + b"wrong")
                assert connection.recv(100).endswith(b"err")
                assert connection.recv(100) == b""
    finally:
        session.stop()


def test_no_file_is_handed_to_a_stranger(ports_of: Ports) -> None:
    """Spark serves files that an application was started with to everybody, by name: ours is started with none."""
    for port in ports_of("spark", "java")[1:]:
        for name in (b"/jars/spark.jar", b"/files/secrets.json", b"/files/../secrets.json", b"/"):
            kind, _ = ask(port, STREAM_REQUEST, struct.pack(">i", len(name)) + name)
            assert kind == STREAM_FAILURE


def test_spark_itself_as_a_stranger_is_refused_and_queries_go_on(stack: Any, ports_of: Ports) -> None:
    from pyspark.sql import SparkSession

    ports = ports_of("spark", "java")[1:]
    own = {name: value for name, value in os.environ.items() if name not in CONNECTED}
    env = {**own, "JAVA_HOME": stack.env["JAVA_HOME"], "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, str(STRANGER), *map(str, ports)]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)

    said = told.stdout.splitlines()
    assert len(said) == len(ports), told.stderr
    assert [line for line in said if not line.startswith("refused: ")] == []
    session = SparkSession.builder.remote(stack.settings.spark_remote).create()
    try:
        assert session.range(10).count() == 10
    finally:
        session.stop()


@pytest.mark.parametrize(
    ("token", "said"),
    [("", "No authentication token provided"), (";token=wrong", "Invalid authentication token")],
)
def test_spark_connect_answers_nobody_without_its_token(stack: Any, token: str, said: str) -> None:
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException
    from pyspark.sql import SparkSession

    address = stack.settings.spark_remote.partition("/;")[0]
    session = SparkSession.builder.remote(f"{address}/{token}").create()
    try:
        with pytest.raises(SparkConnectGrpcException, match=said):
            session.range(1).count()
    finally:
        with suppress(SparkConnectGrpcException):  # else it would be the session of whoever asks for any
            session.stop()


def test_the_token_of_spark_connect_may_come_as_a_header(stack: Any) -> None:
    """How containers show it: the client sends a `token` to another machine only over TLS."""
    from pyspark.sql import SparkSession

    address, _, token = stack.settings.spark_remote.partition("/;token=")
    near = address.replace("localhost", "127.0.0.1")
    session = SparkSession.builder.remote(f"{near}/;authorization=Bearer%20{token}").create()
    try:
        assert session.range(10).mapInPandas(lambda frames: frames, "id long").count() == 10
    finally:
        session.stop()
