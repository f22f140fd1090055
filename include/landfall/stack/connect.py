"""One distributed worker of Kafka Connect with Debezium's connector for PostgreSQL, behind a login.

A worker that is distributed, although it is alone, keeps its connectors and their offsets in topics of the broker, so that they
survive it.
"""

import base64
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from landfall.spec.capture import CAPTURE_PASSWORD
from landfall.spec.settings import quoted
from landfall.stack import jars
from landfall.stack.envfile import write_whole
from landfall.stack.java import Java
from landfall.stack.kafka import LOGGING, LOGGING_TEXT, USER, WITHHELD, as_text
from landfall.stack.part import Announce, Part

log = logging.getLogger("landfall.stack")
PROPERTIES, LOGIN, USERS = "connect.properties", "jaas.conf", "users.properties"
EXTENSION = "org.apache.kafka.connect.rest.basic.auth.extension"
BETWEEN_RESTARTS = 20.0
"""The seconds after which connectors that have failed are started again."""
JSON = "org.apache.kafka.connect.json.JsonConverter"


@dataclass(frozen=True, kw_only=True)
class ConnectPasswords:
    """The passwords of `landfall` at the broker and at the worker's own port, and that of the role that captures changes.

    Its repr shows none.
    """

    kafka: str = field(repr=False)
    connect: str = field(repr=False)
    capture: str = field(repr=False)


class Connect(Part):
    """The optional worker (`landfall up --with cdc`). Connectors are registered by `landfall changes start`."""

    name = "connect"
    needs = ("kafka", "postgres")
    gives_up_after = 120.0
    grace = 20.0

    def __init__(
        self, *, log: Path, env: Mapping[str, str], data: Path, port: int, broker: str, passwords: ConnectPasswords,
        cache: Path, java: Java,
    ) -> None:  # fmt: skip
        own = {name: value for name, value in env.items() if not name.startswith(WITHHELD)}
        super().__init__(log=log, env={**own, CAPTURE_PASSWORD: passwords.capture})
        self.data, self.port, self.broker, self.passwords = data, port, broker, passwords
        self.cache, self.java = cache, java
        self.url = f"http://127.0.0.1:{port}"
        self._restarted = 0.0

    def prepare(self, say: Announce) -> None:
        if not jars.DEBEZIUM.folder(self.cache).exists():
            say("fetching jars of Kafka Connect and Debezium (once)")
        self.jars = jars.fetch(jars.CONNECT, self.cache, self.java)
        debezium = jars.fetch(jars.DEBEZIUM, self.cache, self.java)
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A plugin is a folder in a folder: Connect takes each folder below `plugin.path` for one.
        plugins = self.data / "plugins"
        plugins.mkdir(exist_ok=True, mode=0o700)
        link = plugins / "debezium"
        link.unlink(missing_ok=True)
        link.symlink_to(debezium, target_is_directory=True)
        write_whole(
            self.data / PROPERTIES,
            as_text({**worker(self.broker, self.port, self.passwords.kafka), "plugin.path": str(plugins)}),
        )
        write_whole(self.data / USERS, as_text({USER: self.passwords.connect}))
        write_whole(
            self.data / LOGIN,
            f"KafkaConnect {{ {EXTENSION}.PropertyFileLoginModule required file={quoted(str(self.data / USERS))}; }};\n",
        )
        write_whole(self.data / LOGGING, LOGGING_TEXT)

    def command(self) -> list[str]:
        return [
            self.java.executable,
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={self.data / LOGGING}",
            f"-Djava.security.auth.login.config={self.data / LOGIN}",
            "-cp",
            f"{self.jars}/*",
            "org.apache.kafka.connect.cli.ConnectDistributed",
            str(self.data / PROPERTIES),
        ]

    def check(self, started: float) -> str | None:
        """Healthy once it lists its connectors to us, has Debezium's, and turns an unknown user away."""
        try:
            found = json.loads(self._get("/connector-plugins", self.passwords.connect))
            if not any("io.debezium" in str(plugin.get("class")) for plugin in found):
                return f"{self.url}/connector-plugins: Debezium's connector is not there"
            self._get("/connectors", self.passwords.connect)
        except (OSError, ValueError) as error:
            return f"{self.url}: {type(error).__name__}: {error}"
        try:
            self._get("/connectors", "")
        except urllib.error.HTTPError as refused:
            return (
                None if refused.code == 401 else f"{self.url}: HTTP {refused.code} for a wrong password, expected 401"
            )
        except OSError as error:
            return f"{self.url}: {type(error).__name__}: {error}"
        return f"{self.url} does not ask for a login"

    def probe(self, started: float) -> str | None:
        """Also starts connectors again that have failed, as all do that find their database away: nobody else would."""
        problem = self.check(started)
        if problem is None and time.monotonic() - self._restarted > BETWEEN_RESTARTS:
            self._restarted = time.monotonic()
            try:
                for name, known in json.loads(self._get("/connectors?expand=status", self.passwords.connect)).items():
                    parts = [known["status"]["connector"], *known["status"]["tasks"]]
                    if any(part["state"] == "FAILED" for part in parts):
                        again = f"/connectors/{quote(name)}/restart?includeTasks=true&onlyFailed=true"
                        self._get(again, self.passwords.connect, method="POST")
            except (OSError, ValueError, KeyError) as error:
                log.warning("failed connectors could not be started again: %s: %s", type(error).__name__, error)
        return problem

    def _get(self, path: str, password: str, *, method: str = "GET") -> bytes:
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bytes(answer.read())


def worker(broker: str, port: int, password: str) -> dict[str, str]:
    """The properties of the worker, but for the folder of its plugins.

    Args:
        broker: The address of the broker.
        port: The port of the worker's own REST API, on this machine alone.
        password: The password of `landfall` at the broker.
    """
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    login = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": f"{plain} required username={quoted(USER)} password={quoted(password)};",
    }
    topics = {
        "config.storage.topic": "connect-configs",
        "offset.storage.topic": "connect-offsets",
        "status.storage.topic": "connect-status",
    }
    storage = {name.replace(".topic", ".replication.factor"): "1" for name in topics}
    return {
        "bootstrap.servers": broker,
        "group.id": "landfall-connect",
        "listeners": f"http://127.0.0.1:{port}",
        "rest.extension.classes": f"{EXTENSION}.BasicAuthSecurityRestExtension",
        "exactly.once.source.support": "enabled",
        "plugin.discovery": "service_load",
        # It is alone: nobody else could take over what a killed worker had, for whom the group would wait five minutes.
        "scheduled.rebalance.max.delay.ms": "0",
        # A connector's configuration names the password of its database; the worker alone knows it.
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "config.providers.env.param.allowlist.pattern": CAPTURE_PASSWORD,
        "key.converter": JSON,
        "key.converter.schemas.enable": "false",
        "value.converter": JSON,
        "value.converter.schemas.enable": "false",
        **topics,
        **storage,
        "offset.storage.partitions": "1",
        "status.storage.partitions": "1",
        "topic.creation.enable": "true",
        "offset.flush.interval.ms": "1000",
        **{
            f"{whose}{name}": value
            for whose in ("", "producer.", "consumer.", "admin.")
            for name, value in login.items()
        },
    }
