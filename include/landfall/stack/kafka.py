"""One Kafka node, broker and controller in one process (KRaft), behind a login on both of its ports."""

import base64
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from landfall.errors import StackError
from landfall.spec.settings import quoted
from landfall.stack import jars
from landfall.stack.envfile import write_whole
from landfall.stack.java import Java
from landfall.stack.kafka_protocol import asks_for_a_login, brokers
from landfall.stack.part import Announce, Part

USER, BROKER = "landfall", "broker"
"""As whom clients sign in; and as whom the broker signs in to the controller and to itself."""
PROPERTIES, LOGGING = "server.properties", "log4j2.xml"
LOGGING_TEXT = """<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{HH:mm:ss.SSS} %p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""
MIB = 1024**2
LIMITS = {
    "message.max.bytes": str(MIB),
    "log.segment.bytes": str(64 * MIB),
    "log.retention.hours": "168",
    "log.retention.bytes": str(1024 * MIB),  # of each partition
    "log.cleaner.dedupe.buffer.size": str(8 * MIB),  # half of the heap otherwise
    "num.network.threads": "2",
    "num.io.threads": "4",
}
"""What one machine can bear. A topic may set limits of its own."""
ONE_NODE = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
}
WITHHELD = ("AIRFLOW", "LANDFALL_", "AWS_", "MLFLOW")
"""How the names of variables begin that the broker does not get: it needs none of their secrets."""


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """The passwords of the two users, `landfall` and `broker`. Its repr shows none."""

    landfall: str = field(repr=False)
    broker: str = field(repr=False)


class Kafka(Part):
    """The optional broker (`landfall up --with kafka`). Topics are made by those who need them, never by a first record."""

    name = "kafka"
    gives_up_after = 60.0
    grace = 20.0  # it writes what it knows of its logs; else the next start looks through them

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, controller_port: int, passwords: Passwords,
        cache: Path, java: Java,
    ) -> None:  # fmt: skip
        super().__init__(log=log, env={name: value for name, value in env.items() if not name.startswith(WITHHELD)})
        self.data, self.port, self.controller_port, self.passwords = data, port, controller_port, passwords
        self.cache, self.java = cache, java
        self.url = f"127.0.0.1:{port}"

    def prepare(self, say: Announce) -> None:
        if not jars.KAFKA.folder(self.cache).exists():
            say("fetching jars (once, 45 MB, about a minute)")
        self.jars = jars.fetch(jars.KAFKA, self.cache, self.java)
        logs = self.data / "logs"
        for folder in (self.data, logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        properties = node(
            {"CLIENT": f"127.0.0.1:{self.port}", "CONTROLLER": f"127.0.0.1:{self.controller_port}"}, self.passwords
        )
        write_whole(self.data / PROPERTIES, as_text({**properties, "log.dirs": str(logs)}))
        write_whole(self.data / LOGGING, LOGGING_TEXT)
        if not (logs / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        """Makes the folder of the logs one of Kafka's. A folder that is only half made is completed."""
        command = [*self._java(), "kafka.tools.StorageTool", "format", "--cluster-id", new_cluster_id()]
        command += ["--config", str(self.data / PROPERTIES), "--ignore-formatted"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.env)
        if done.returncode:
            raise StackError(
                "The folder of Kafka's logs could not be made.",
                looked="\n    ".join(["Kafka said:", *(done.stdout + done.stderr).strip().splitlines()[-4:]]),
                left=f"whatever was in {self.data} is still there",
                next="landfall doctor, then: landfall up --with kafka",
            )

    def _java(self) -> list[str]:
        return [
            self.java.executable,
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={self.data / LOGGING}",
            "-cp",
            f"{self.jars}/*",
        ]

    def command(self) -> list[str]:
        return [*self._java(), "kafka.Kafka", str(self.data / PROPERTIES)]

    def check(self, started: float) -> str | None:
        """Healthy once a client that signs in is told of a broker, and both ports turn an unknown user away."""
        try:
            if not brokers(self.port, USER, self.passwords.landfall):
                return f"metadata of {self.url}: no broker takes records yet"
            for port in (self.port, self.controller_port):
                if not asks_for_a_login(port):
                    return f"127.0.0.1:{port} does not ask for a login"
        except OSError as error:
            return f"metadata of {self.url}: {type(error).__name__}: {error}"
        return None


def node(listeners: Mapping[str, str], passwords: Passwords, advertised: str = "") -> dict[str, str]:
    """The properties of the one node, but for the folder of its logs.

    Args:
        listeners: The addresses of the listeners `CLIENT` and `CONTROLLER`.
        passwords: The passwords of the two users.
        advertised: The address at which clients reach `CLIENT`, if it is another one.
    """
    client, controller = listeners["CLIENT"], listeners["CONTROLLER"]
    plain = "plain.sasl.jaas.config"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"CLIENT://{client},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{advertised or client}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        f"listener.name.client.{plain}": _logins(
            passwords.broker, {BROKER: passwords.broker, USER: passwords.landfall}
        ),
        # The controller is no client's business: it knows the broker alone.
        f"listener.name.controller.{plain}": _logins(passwords.broker, {BROKER: passwords.broker}),
        "auto.create.topics.enable": "false",
        **ONE_NODE,
        **LIMITS,
    }


def _logins(own: str, users: Mapping[str, str]) -> str:
    """A JAAS configuration: as whom the node itself signs in, and the users that it lets in."""
    known = " ".join(f"user_{user}={quoted(password)}" for user, password in users.items())
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return f"{module} required username={quoted(BROKER)} password={quoted(own)} {known};"


def as_text(properties: Mapping[str, str]) -> str:
    """A file in Java's format of properties, in ASCII."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    text = value.replace("\\", "\\\\")
    if text.startswith(" "):  # Java would leave it out
        text = f"\\{text}"
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def new_cluster_id() -> str:
    """A random name for the cluster: 16 bytes as Base64, which never begins with a hyphen."""
    return base64.urlsafe_b64encode(secrets.token_hex(8).encode()).decode().rstrip("=")
