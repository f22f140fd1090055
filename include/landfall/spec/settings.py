"""Where the servers are. A process reads it once from its environment and passes it on as one value.

The embedded stack and docker-compose set the same variables. A team with servers of its own sets them itself.
"""

import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from typing import Self

from landfall.errors import SettingsError
from landfall.spec import capture
from landfall.spec.capture import ConnectSettings
from landfall.spec.commit import stamp

COMPUTE = "LANDFALL_COMPUTE"
"""The variable that says where Spark jobs run. Variables for one pipeline or one job have names that begin with it and `_`."""

RETRY_SECONDS = "LANDFALL_RETRY_SECONDS"
"""The variable with the seconds between the first two tries of a task. Each further pause is twice as long, up to twelve times
the first. Airflow's processes read it when they read DAG files."""

SPARK_SECRET = "LANDFALL_SPARK_SECRET"  # noqa: S105  (the name of a variable)
"""The variable with the secret of a standalone Spark cluster."""

SPARK_GUARD = {
    "spark.authenticate": "true",
    # Uses the newer handshake and encrypts everything after it. The older handshake rests on MD5.
    "spark.network.crypto.enabled": "true",
    "spark.network.crypto.saslFallback": "false",
}
"""The Spark configuration with which servers, drivers and executors speak only to holders of the secret."""

KAFKA = ("LANDFALL_KAFKA_SERVERS", "LANDFALL_KAFKA_USER", "LANDFALL_KAFKA_PASSWORD", "LANDFALL_KAFKA_PROTOCOL")
"""The variables with the address of a Kafka broker, and with the login and the protocol that belong to that address."""

PLAIN = (
    "LANDFALL_S3_ENDPOINT", "AWS_DEFAULT_REGION",
    "LANDFALL_KAFKA_SERVERS", "LANDFALL_KAFKA_USER", "LANDFALL_KAFKA_PROTOCOL",
)  # fmt: skip
SECRET = ("LANDFALL_DATABASE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LANDFALL_KAFKA_PASSWORD")
"""The variables that the process of a Spark job reads (`Settings.of_jobs`). Everyone may see the first, nobody the second."""


def seconds(variables: Mapping[str, str], name: str, usual: float) -> float:
    """The seconds that the variable `name` holds; `usual` if it is not set.

    Raises:
        SettingsError: the variable holds no positive number.
    """
    text = variables.get(name, "").strip()
    try:
        value = float(text) if text else usual
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SettingsError(
            f"The setting `{name}` is `{text}`.", looked="expected seconds, such as 10", next=f"set or unset {name}"
        )
    return value


@dataclass(frozen=True, kw_only=True)
class S3:
    """The object store that data lands in. `endpoint` is empty for Amazon's own servers."""

    bucket: str
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    endpoint: str = ""
    region: str = "us-east-1"


def quoted(text: str) -> str:
    """`text` as a quoted value of a JAAS configuration, which Java's Kafka clients and servers read."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(frozen=True, kw_only=True)
class KafkaSettings:
    """The Kafka brokers that streams read and write, and how to sign in. Without a user, the brokers require no login.

    Raises:
        SettingsError: an address has no port, there is a user without a password or the reverse, a value holds a control
            character, or the protocol does not fit.
    """

    servers: str
    """`host:port`, or several of them, separated by commas."""
    user: str = ""
    password: str = field(default="", repr=False)
    protocol: str = ""
    """`PLAINTEXT` or `SSL` without a user, `SASL_PLAINTEXT` or `SASL_SSL` with one. By default the one without TLS."""

    def __post_init__(self) -> None:
        sign = "SASL_PLAINTEXT" if self.user else "PLAINTEXT"
        object.__setattr__(self, "protocol", self.protocol.strip().upper() or sign)
        for name, value in zip(KAFKA, (self.servers, self.user, self.password), strict=False):
            if not (value or " ").isprintable():
                raise SettingsError(f"The setting `{name}` holds a control character.", next=f"set {name} without it")
        for server in self.servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) < 65536:
                raise SettingsError(
                    f"The setting `LANDFALL_KAFKA_SERVERS` is `{self.servers}`.",
                    looked=f"expected HOST:PORT[,HOST:PORT], came `{server.strip()}`",
                    next="LANDFALL_KAFKA_SERVERS=127.0.0.1:9092    (or unset it: then there is no Kafka)",
                )
        if bool(self.user) is not bool(self.password):
            given, missing = ("USER", "PASSWORD") if self.user else ("PASSWORD", "USER")
            raise SettingsError(
                f"`LANDFALL_KAFKA_{given}` is set, `LANDFALL_KAFKA_{missing}` is not.",
                next="set both, or none of them for brokers without a login",
            )
        fitting = (sign, sign.replace("PLAINTEXT", "SSL"))
        if self.protocol not in fitting:
            raise SettingsError(
                f"The setting `LANDFALL_KAFKA_PROTOCOL` is `{self.protocol}`.",
                looked=f"expected {' or '.join(fitting)} {'with' if self.user else 'without'} a user",
                next="set or unset LANDFALL_KAFKA_PROTOCOL",
            )

    def client(self) -> dict[str, str]:
        """Settings for confluent-kafka (librdkafka). They hold the password."""
        login = {"sasl.mechanism": "PLAIN", "sasl.username": self.user, "sasl.password": self.password}
        return {
            "bootstrap.servers": self.servers,
            "security.protocol": self.protocol,
            **(login if self.user else {}),
        }

    def spark(self) -> dict[str, str]:
        """Options for Spark's Kafka source and sink. They hold the password."""
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        login = f"{module} required username={quoted(self.user)} password={quoted(self.password)};"
        return {
            "kafka.bootstrap.servers": self.servers,
            "kafka.security.protocol": self.protocol,
            **({"kafka.sasl.mechanism": "PLAIN", "kafka.sasl.jaas.config": login} if self.user else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Addresses and credentials of the servers, from `LANDFALL_*`, `AWS_*` and `MLFLOW_*` variables."""

    s3: S3
    database_url: str = field(repr=False)
    """The libpq URL of the database with the predictions and their publications."""
    mlflow_tracking_uri: str = field(repr=False)
    mlflow_artifacts: str
    """The S3 URL under which model files are kept."""
    spark_remote: str = field(repr=False)
    """The address of Spark Connect, such as sc://127.0.0.1:15002."""
    airflow_url: str
    airflow_user: str = "admin"
    airflow_password: str = field(default="", repr=False)
    code_version: str = "unknown"
    compute: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Name of a job or of a pipeline, or "" for all others -> where its Spark jobs run. Empty: all run on this machine."""
    spark_secret: str = field(default="", repr=False)
    """The `spark.authenticate.secret` of a standalone cluster; empty if the cluster requires none."""
    spark_jars: str = ""
    """The folder with the jars of Delta and s3a on every machine of a cluster; empty if the cluster brings its own."""
    restart_after: timedelta = timedelta(minutes=5)
    """How long the audit waits before it starts a run again that failed because of a server. Each further wait is twice as long,
    up to 32 times this one."""
    mlflow_url: str = ""
    """The address of MLflow's page for people, which links use; empty if there is none."""
    sqs_queue_url: str = ""
    """The queue to which S3 reports created objects; empty if there is none. With it, a wait lists at once instead of within a
    second."""
    kafka: KafkaSettings | None = None
    """The Kafka brokers of streams; None if there are none."""
    connect: ConnectSettings | None = None
    """The worker of Kafka Connect that captures changes; None if there is none."""
    sources: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    """Name of a source database -> the libpq URL of its owner."""
    capture_password: str = field(default="", repr=False)
    """The password of the role that captures changes in the source databases; empty if it is not known here."""

    @property
    def of_jobs(self) -> dict[str, str]:
        """The variables for the process of a Spark job. Secrets go there because they have no place on a command line.

        Those of Kafka are among them only if there is a broker.
        """
        return {
            "LANDFALL_DATABASE_URL": self.database_url,
            "LANDFALL_S3_ENDPOINT": self.s3.endpoint,
            "AWS_ACCESS_KEY_ID": self.s3.access_key,
            "AWS_SECRET_ACCESS_KEY": self.s3.secret_key,
            "AWS_DEFAULT_REGION": self.s3.region,
            **(dict(zip(KAFKA, astuple(self.kafka), strict=True)) if self.kafka else {}),
        }

    @property
    def lake(self) -> str:
        """The address, for Spark, of the Delta tables and landed objects."""
        return f"s3a://{self.s3.bucket}"

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """The settings in `variables`, which by default are this process's environment.

        Raises:
            SettingsError: a variable without a default is not set, or a variable makes no sense.
        """
        env = os.environ if variables is None else variables

        def need(name: str) -> str:
            if value := env.get(name):
                return value
            raise SettingsError(
                f"The setting `{name}` is missing.",
                looked="the environment, and the embedded stack's own file (.landfall/env)",
                next="landfall up    (or set the variable to your own server)",
            )

        bucket = env.get("LANDFALL_S3_BUCKET", "landfall")
        return cls(
            s3=S3(
                bucket=bucket,
                access_key=env.get("AWS_ACCESS_KEY_ID", ""),
                secret_key=env.get("AWS_SECRET_ACCESS_KEY", ""),
                endpoint=env.get("LANDFALL_S3_ENDPOINT", ""),
                region=env.get("AWS_DEFAULT_REGION", "us-east-1"),
            ),
            database_url=need("LANDFALL_DATABASE_URL"),
            mlflow_tracking_uri=need("MLFLOW_TRACKING_URI"),
            mlflow_artifacts=env.get("LANDFALL_MLFLOW_ARTIFACTS", f"s3://{bucket}/mlflow"),
            spark_remote=env.get("LANDFALL_SPARK_REMOTE", "sc://127.0.0.1:15002"),
            airflow_url=env.get("LANDFALL_AIRFLOW_URL", "http://127.0.0.1:8080"),
            airflow_user=env.get("LANDFALL_AIRFLOW_USER", "admin"),
            airflow_password=env.get("LANDFALL_AIRFLOW_PASSWORD", ""),
            code_version=env.get("LANDFALL_CODE_VERSION") or stamp() or "unknown",
            compute={
                name.removeprefix(COMPUTE).removeprefix("_").lower(): value.strip().lower()
                for name, value in env.items()
                if (name == COMPUTE or name.startswith(f"{COMPUTE}_")) and value.strip()
            },
            spark_secret=env.get(SPARK_SECRET, ""),
            spark_jars=env.get("LANDFALL_SPARK_JARS", ""),
            restart_after=timedelta(seconds=seconds(env, "LANDFALL_RESTART_SECONDS", 300)),
            mlflow_url=env.get("LANDFALL_MLFLOW_URL", "").rstrip("/"),
            sqs_queue_url=env.get("LANDFALL_SQS_QUEUE_URL", ""),
            kafka=_kafka(*(env.get(name, "") for name in KAFKA)),
            connect=ConnectSettings.read(env),
            sources=capture.sources(env),
            capture_password=env.get(capture.CAPTURE_PASSWORD, ""),
        )


def _kafka(servers: str, user: str, password: str, protocol: str) -> KafkaSettings | None:
    if not servers.strip():
        return None
    return KafkaSettings(servers=servers.strip(), user=user, password=password, protocol=protocol)
