"""What a stack with Kafka decides before its servers start: two ports, two passwords, and who learns of the broker."""

import json
from pathlib import Path

import pytest

from landfall.spec import KafkaSettings, Settings
from landfall.stack import envfile, java, layout, ports
from landfall.stack.blueprint import KNOWN, USUAL, Blueprint
from landfall.stack.secrets import Secrets


def test_a_part_with_two_ports_has_both_of_them_claimed(tmp_path: Path) -> None:
    names = ports.listening(["postgres", "scheduler", "kafka"])
    assert names == ["postgres", "kafka", "kafka-controller"]

    claims = ports.Claims(tmp_path)
    chosen_ports = ports.choose(names, {}, tmp_path / "ports.json", claims)
    assert {chosen_ports[name] for name in names} == set(claims.held)


def test_the_passwords_of_kafka_are_added_to_an_older_home(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    Secrets.load_or_create(file)
    old = {name: secret for name, secret in json.loads(file.read_text()).items() if "kafka" not in name}
    file.write_text(json.dumps(old))

    again = Secrets.load_or_create(file, data_exists=True)

    assert json.loads(file.read_text()).items() > old.items()
    assert len({again.kafka_landfall, again.kafka_broker, *old.values()}) == len(old) + 2


def test_only_a_stack_with_kafka_names_a_broker(tmp_path: Path) -> None:
    blueprint = Blueprint(
        layout=layout.Layout(tmp_path), project=tmp_path, ports=ports.USUAL, secrets=Secrets(),
        java=java.Java(home=tmp_path, version=21, source="none"),
    )  # fmt: skip

    assert Settings.read(blueprint.variables(USUAL)).kafka is None
    assert Settings.read(blueprint.variables(KNOWN)).kafka == KafkaSettings(
        servers="127.0.0.1:19092", user="landfall", password=blueprint.secrets.kafka_landfall
    )
    databricks = json.loads(blueprint.variables(KNOWN)["AIRFLOW_CONN_LANDFALL_DATABRICKS"])
    told = databricks["extra"]["landfall"]["new_cluster"]["spark_env_vars"]
    assert told["LANDFALL_KAFKA_SERVERS"] == "127.0.0.1:19092"
    assert told["LANDFALL_KAFKA_PASSWORD"] == "{{secrets/landfall/LANDFALL_KAFKA_PASSWORD}}"
    without = json.loads(blueprint.variables([*USUAL, "databricks"])["AIRFLOW_CONN_LANDFALL_DATABRICKS"])
    assert "KAFKA" not in json.dumps(without)


def test_a_login_of_kafka_belongs_to_its_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    written = {
        "LANDFALL_DATABASE_URL": "x", "MLFLOW_TRACKING_URI": "x", "LANDFALL_KAFKA_SERVERS": "127.0.0.1:1",
        "LANDFALL_KAFKA_USER": "landfall", "LANDFALL_KAFKA_PASSWORD": "of the stack", "LANDFALL_KAFKA_PROTOCOL": "SASL_PLAINTEXT",
    }  # fmt: skip
    envfile.write(tmp_path / "env", written)

    own = KafkaSettings(servers="127.0.0.1:1", user="landfall", password="of the stack")
    assert layout.settings({"LANDFALL_KAFKA_USER": "me", "LANDFALL_KAFKA_PASSWORD": "mine"}).kafka == own
    assert layout.settings({"LANDFALL_KAFKA_SERVERS": "k:2"}).kafka == KafkaSettings(servers="k:2")
