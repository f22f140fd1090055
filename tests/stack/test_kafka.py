"""A real Kafka broker, alone on a small stack: who gets in, and what it keeps when it is killed."""

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from landfall.spec.settings import KafkaSettings, Settings
from landfall.stack import environment
from landfall.stack.kafka import BROKER, USER
from landfall.stack.kafka_protocol import asks_for_a_login, brokers
from landfall.stack.secrets import Secrets
from landfall.stack.state import PartRecord, StackState

confluent_kafka = pytest.importorskip("confluent_kafka", reason="pip install -r requirements.txt    (confluent-kafka)")
admin = pytest.importorskip("confluent_kafka.admin")
pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Broker:
    """A stack of Kafka alone."""

    home: Path
    run: Callable[..., Any]

    @property
    def part(self) -> PartRecord:
        state = StackState.read(self.home / "state.json")
        assert state is not None
        return next(part for part in state.parts if part.name == "kafka")

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(int(self.part.pid or 0))

    @property
    def secrets(self) -> Secrets:
        return Secrets.load_or_create(self.home / "secrets.json")

    @property
    def kafka(self) -> KafkaSettings:
        """The broker, as the settings of the stack name it."""
        written = environment(self.home)
        kafka = Settings.read({**written, "LANDFALL_DATABASE_URL": "x", "MLFLOW_TRACKING_URI": "x"}).kafka
        assert kafka is not None
        return kafka

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of clients and of the controller."""
        own = int(self.kafka.servers.rpartition(":")[2])
        (controller,) = {each.laddr.port for each in self.listening} - {own}
        return own, controller

    @property
    def listening(self) -> list[Any]:
        return [each for each in self.process.net_connections(kind="inet") if each.status == psutil.CONN_LISTEN]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Broker]:
    conftest = Path(__file__).parents[1] / "conftest.py"
    home = tmp_path_factory.mktemp("kafka")
    run = partial(request.config.pluginmanager.getplugin(str(conftest)).run_landfall, home)
    try:
        started = run("up", "--parts", "kafka")
        assert started.returncode == 0, started.stdout + started.stderr
        yield Broker(home, run)
    finally:
        run("down")


def make_topic(broker: Broker, name: str) -> None:
    topic = admin.NewTopic(name, num_partitions=1, replication_factor=1)
    client = admin.AdminClient(broker.kafka.client())
    client.create_topics([topic])[name].result(30)


def send(broker: Broker, topic: str, value: bytes, **settings: Any) -> Any:
    """The error of a record that is sent, or None."""
    errors: list[Any] = []
    producer = confluent_kafka.Producer({**broker.kafka.client(), "acks": "all", **settings})
    producer.produce(topic, value, callback=lambda error, record: errors.append(error))
    producer.flush(60)
    return errors[0]


def received(broker: Broker, topic: str) -> list[bytes]:
    """The values of a topic of one partition, from its beginning to its end."""
    client = {
        **broker.kafka.client(),
        "group.id": f"of-{topic}",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    consumer = confluent_kafka.Consumer(client)
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
    values: list[bytes] = []
    try:
        while record := consumer.poll(60):
            if record.error():
                assert record.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
                return values
            values.append(record.value())
    finally:
        consumer.close()
    raise AssertionError("the end of the topic did not come")


def answers(port: int) -> bool:
    """True if the port tells a client that does not sign in about its cluster; false if it hangs up.

    Brokers and controllers know this request: DescribeCluster, version 0, with an empty list of tags after header and body.
    """
    message = struct.pack(">hhih", 60, 0, 1, -1) + b"\0" + b"\0" + b"\0"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(struct.pack(">i", len(message)) + message)
        try:
            return bool(connection.recv(1))
        except ConnectionError:
            return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(true: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.3)


def test_a_client_with_the_stacks_settings_finds_the_broker(broker: Broker) -> None:
    cluster = admin.AdminClient(broker.kafka.client()).list_topics(timeout=30)

    assert [f"{each.host}:{each.port}" for each in cluster.brokers.values()] == [broker.kafka.servers]
    assert broker.part.url == broker.kafka.servers
    told = broker.run("ps").stdout
    assert f"kafka: {broker.kafka.servers}, user {USER}, LANDFALL_KAFKA_PASSWORD in " in told.replace("\n", " ")


def test_it_listens_on_two_ports_of_this_machine_alone(broker: Broker) -> None:
    assert {each.laddr.ip.removeprefix("::ffff:") for each in broker.listening} == {"127.0.0.1"}
    assert len(set(broker.ports)) == 2


@pytest.mark.parametrize("which", [0, 1], ids=["clients", "controller"])
def test_nobody_without_the_right_password_gets_in(broker: Broker, which: int) -> None:
    port, secrets = broker.ports[which], broker.secrets

    assert asks_for_a_login(port)
    assert not answers(port)
    others = {USER: secrets.kafka_broker, BROKER: secrets.kafka_landfall, "admin": secrets.kafka_broker, "": ""}
    for user, password in others.items():
        with pytest.raises(PermissionError):
            brokers(port, user, password)
        with pytest.raises(PermissionError):
            brokers(port, user, "")


def test_a_client_of_the_broker_is_no_client_of_the_controller(broker: Broker) -> None:
    client, controller = broker.ports

    assert brokers(client, USER, broker.secrets.kafka_landfall) == 1
    with pytest.raises(PermissionError, match=f"the login of `{USER}` is refused"):
        brokers(controller, USER, broker.secrets.kafka_landfall)


def test_the_check_of_the_container_says_the_same(broker: Broker) -> None:
    script = Path(__file__).parents[2] / "docker" / "kafka_healthy.sh"

    def check(port: int, password: str) -> tuple[int, str]:
        env = {"PATH": os.defpath, "LANDFALL_KAFKA_PASSWORD": password}
        said = subprocess.run(["bash", script, str(port)], env=env, capture_output=True, text=True, check=False)
        return said.returncode, said.stderr

    client, controller = broker.ports
    password = broker.secrets.kafka_landfall
    assert check(client, password) == (0, "")
    assert check(client, "wrong") == (1, "signing in as landfall: error 58\n")
    assert check(controller, password) == (1, "signing in as landfall: error 58\n")


@pytest.mark.parametrize("login", [{}, {"user": USER, "password": "wrong"}], ids=["none", "wrong password"])
def test_a_client_library_gets_no_metadata_without_the_login(broker: Broker, login: dict[str, str]) -> None:
    stranger = KafkaSettings(servers=broker.kafka.servers, **login)

    with pytest.raises(confluent_kafka.KafkaException):
        admin.AdminClient({**stranger.client(), "log_level": 0}).list_topics(timeout=3)


def test_no_password_is_in_a_command_line_or_in_a_log(broker: Broker) -> None:
    secrets = {broker.secrets.kafka_landfall, broker.secrets.kafka_broker}
    shown = " ".join(broker.process.cmdline()) + "".join(
        log.read_text(errors="replace") for log in (broker.home / "logs").iterdir() if log.is_file()
    )

    assert [secret for secret in secrets if secret in shown] == []
    env = broker.process.environ()
    assert [name for name in env if name.startswith(("LANDFALL_", "AWS_", "AIRFLOW", "MLFLOW"))] == []


def test_a_topic_is_not_made_by_a_record(broker: Broker) -> None:
    error = send(broker, "nobody-made-it", b"1", **{"message.timeout.ms": 5000})

    assert error is not None
    assert "nobody-made-it" not in admin.AdminClient(broker.kafka.client()).list_topics(timeout=30).topics


def test_a_record_over_the_limit_is_refused_and_the_next_one_is_taken(broker: Broker) -> None:
    make_topic(broker, "limits")
    refused = send(broker, "limits", b"x" * 10_000_000, **{"message.max.bytes": 20_000_000})

    assert refused.code() == confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE
    assert send(broker, "limits", b"x" * 900_000) is None
    assert [len(value) for value in received(broker, "limits")] == [900_000]


def test_a_broker_that_is_killed_starts_again_with_its_data(broker: Broker) -> None:
    make_topic(broker, "kept")
    assert [send(broker, "kept", str(number).encode()) for number in range(3)] == [None] * 3
    killed = broker.process
    os.kill(killed.pid, signal.SIGKILL)

    wait_until(lambda: broker.part.state == "healthy" and broker.part.pid != killed.pid)

    assert received(broker, "kept") == [b"0", b"1", b"2"]
    assert send(broker, "kept", b"3") is None


def test_a_stack_that_is_stopped_ends_the_broker_cleanly_and_starts_again_on_other_ports(broker: Broker) -> None:
    make_topic(broker, "stopped")
    assert send(broker, "stopped", b"1") is None
    kept, process = broker.secrets, broker.process
    assert broker.run("down").returncode == 0
    assert not process.is_running()
    # What Kafka writes last when it ends in order: without it, the next start reads every log through.
    assert (broker.home / "data" / "kafka" / "logs" / ".kafka_cleanshutdown").exists()
    moved = [word for name in ("kafka", "kafka-controller") for word in ("--port", f"{name}={free_port()}")]
    started = broker.run("up", "--parts", "kafka", *moved)

    assert started.returncode == 0, started.stdout + started.stderr
    assert broker.secrets == kept
    assert set(broker.ports) == {int(word.partition("=")[2]) for word in moved if "=" in word}
    assert received(broker, "stopped") == [b"1"]


def test_a_broker_that_hangs_is_started_again(broker: Broker) -> None:
    hung = broker.process
    hung.suspend()

    wait_until(lambda: broker.part.state == "unhealthy")
    wait_until(lambda: broker.part.state == "healthy" and broker.part.pid != hung.pid)

    log = (broker.home / "logs" / "supervisor.log").read_text()
    assert f"kafka unhealthy: metadata of {broker.kafka.servers}: TimeoutError: timed out" in log


def test_what_it_keeps_is_closed_to_others(broker: Broker) -> None:
    below = [broker.home / "data" / "kafka", *(broker.home / "data" / "kafka").rglob("*")]

    assert (broker.home / "data" / "kafka" / "server.properties") in below
    assert {path.name for path in below if path.stat().st_mode & 0o077} == set()
