"""What Kafka's part writes before its server starts: properties, their modes, and the shape of a broken health check."""

import os
import re
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from landfall.errors import StackError
from landfall.stack import jars
from landfall.stack.java import Java
from landfall.stack.kafka import LIMITS, Kafka, Passwords, as_text, new_cluster_id

PASSWORDS = Passwords(landfall='of "all"\\', broker="of the broker")


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    """A part whose data folder is formatted already."""
    monkeypatch.setattr(jars, "fetch", lambda *which: tmp_path / "jars")
    (tmp_path / "kafka" / "logs").mkdir(parents=True)
    (tmp_path / "kafka" / "logs" / "meta.properties").touch()
    return Kafka(
        log=tmp_path / "kafka.log", env={"LANDFALL_DATABASE_URL": "secret", "AWS_SECRET_ACCESS_KEY": "secret", "TZ": "UTC"},
        data=tmp_path / "kafka", port=1, controller_port=2, passwords=PASSWORDS, cache=tmp_path / "cache",
        java=Java(home=Path("/nowhere"), version=21, source="none"),
    )  # fmt: skip


def properties(part: Kafka) -> dict[str, str]:
    """The properties that the part writes, as Java reads them."""
    part.prepare(lambda doing: None)
    lines = (part.data / "server.properties").read_text(encoding="ascii").splitlines()
    return {name: value.replace("\\\\", "\\") for name, _, value in (line.partition("=") for line in lines)}


def test_both_ports_ask_for_a_login_and_only_this_machine_reaches_them(part: Kafka) -> None:
    written = properties(part)

    assert written["listeners"] == "CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert written["advertised.listeners"] == "CLIENT://127.0.0.1:1"
    assert written["listener.security.protocol.map"] == "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    broker = f'{module} username="broker" password="of the broker" user_broker="of the broker"'
    # The quotes and the backslash are escaped once for the login; as_text escapes every backslash once more.
    client = broker + ' user_landfall="of \\"all\\"\\\\";'
    assert written["listener.name.client.plain.sasl.jaas.config"] == client
    assert written["listener.name.controller.plain.sasl.jaas.config"] == f"{broker};"
    assert {value for name, value in written.items() if name.startswith("sasl.")} == {"PLAIN"}


def test_what_one_machine_can_bear_is_limited(part: Kafka) -> None:
    written = properties(part)

    assert {name: written[name] for name in LIMITS} == LIMITS
    assert written["auto.create.topics.enable"] == "false"
    assert {value for name, value in written.items() if "replication.factor" in name or "min.isr" in name} == {"1"}


def test_no_password_is_in_what_others_may_read(part: Kafka) -> None:
    properties(part)
    shown = f"{part.command()} {PASSWORDS} {part.env}"

    assert [word for word in ("of the broker", "all", "secret") if word in shown] == []
    assert part.env == {"TZ": "UTC"}
    for file in ("server.properties", "log4j2.xml"):
        assert stat.S_IMODE((part.data / file).stat().st_mode) == 0o600
    assert '<Root level="WARN">' in (part.data / "log4j2.xml").read_text()


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a=b:c#d", "a=b:c#d"),
        (r"C:\new", r"C:\\new"),
        (" first", r"\ first"),
        ("two\nlines", r"two\u000alines"),
        ("ü€", r"\u00fc\u20ac"),
        ("😀", r"\ud83d\ude00"),
    ],
)
def test_a_value_is_written_as_java_reads_it(value: str, line: str) -> None:
    assert as_text({"name": value}) == f"name={line}\n"


def test_a_cluster_has_a_random_name_that_is_no_option() -> None:
    names = {new_cluster_id() for _ in range(100)}

    assert len(names) == 100
    assert all(re.fullmatch(r"[A-Za-z][\w-]{21}", name) for name in names)


def test_a_folder_that_cannot_be_made_says_what_kafka_said(part: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    (part.data / "logs" / "meta.properties").unlink()
    commands: list[list[str]] = []

    def fails(command: list[str], **how: object) -> "subprocess.CompletedProcess[str]":
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "Exception in thread main\nno space\n")

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(StackError) as failed:
        part.prepare(lambda doing: None)

    assert str(failed.value) == (
        "The folder of Kafka's logs could not be made.\n"
        "  looked: Kafka said:\n"
        "    Exception in thread main\n"
        "    no space\n"
        f"  left: whatever was in {part.data} is still there\n"
        "  next: landfall doctor, then: landfall up --with kafka"
    )
    assert [word for word in ("of the broker", "all") if word in " ".join(commands[0])] == []


# --- the health check -------------------------------------------------------------------------------------------------


@contextmanager
def answering(answers: bytes) -> Iterator[int]:
    """A server that sends `answers` to whoever connects, and hangs up; its port."""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(answers)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1000):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def answer(body: bytes) -> bytes:
    return (len(body) + 4).to_bytes(4, "big") + b"\0\0\0\1" + body


LET_IN = answer(b"\0\0\0\0\0\1\0\5PLAIN") + answer(b"\0\0\xff\xff\0\0\0\0")


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (b"", "ConnectionError: the server hung up"),
        (b"HTTP/1.1 400 Bad Request", "ConnectionError: an answer of 1213486160 bytes is none of Kafka's"),
        (answer(b"\0\x21\0\0\0\0"), "PermissionError: the login of `landfall` is refused with error 33"),
        (
            answer(b"\0\0\0\0\0\0") + answer(b"\0\x3a\xff\xff\0\0\0\0"),
            "PermissionError: the login of `landfall` is refused with error 58",
        ),
        (LET_IN + answer(b"\0\0\0\0"), "no broker takes records yet"),
    ],
    ids=["hangs up", "another server", "no mechanism", "no login", "no broker"],
)
def test_a_server_that_does_not_do_its_work_is_not_healthy(part: Kafka, answers: bytes, problem: str) -> None:
    with answering(answers) as part.port:
        assert part.check(0.0) == f"metadata of 127.0.0.1:1: {problem}"


def test_a_server_that_lets_strangers_in_is_not_healthy(part: Kafka) -> None:
    with answering(LET_IN + answer(b"\0\0\0\1")) as part.port:
        assert part.check(0.0) == f"127.0.0.1:{part.port} does not ask for a login"


def test_a_server_that_is_away_is_not_healthy(part: Kafka) -> None:
    with answering(b"") as part.port:
        pass
    assert str(part.check(0.0)).startswith("metadata of 127.0.0.1:1: ConnectionRefusedError: ")


# --- the health check of the container --------------------------------------------------------------------------------

SCRIPT = Path(__file__).parents[2] / "docker" / "kafka_healthy.sh"


def container_check(port: int) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.defpath, "LANDFALL_KAFKA_PASSWORD": "secret"}
    return subprocess.run(["bash", SCRIPT, str(port)], env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (b"", "signing in as landfall: error nothing"),
        (b"HTTP/1.1 400 Bad Request", "signing in as landfall: error nothing"),
        (answer(b"\0\x21\0\0\0\0"), "signing in as landfall: error 33"),
        (answer(b"\0\0\0\0\0\0") + answer(b"\0\x3a\xff\xff\0\0\0\0"), "signing in as landfall: error 58"),
        (LET_IN + answer(b"\0\0\0\0"), "no broker takes records yet"),
        (LET_IN + answer(b"\0\0\0\1"), "a login with a wrong password: error 0, expected 58"),
    ],
    ids=["hangs up", "another server", "no mechanism", "no login", "no broker", "lets strangers in"],
)
def test_a_container_that_does_not_do_its_work_is_not_healthy(answers: bytes, problem: str) -> None:
    with answering(answers) as port:
        said = container_check(port)

    assert (said.returncode, said.stdout, said.stderr) == (1, "", f"{problem}\n")


def test_a_container_without_a_server_is_not_healthy() -> None:
    with answering(b"") as port:
        pass
    assert container_check(port).returncode == 1
