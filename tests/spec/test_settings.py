"""Settings: read once from the environment; what jobs read of them again."""

from pathlib import Path

import pytest

from landfall.errors import SettingsError
from landfall.spec import KafkaSettings, Settings
from landfall.spec import settings as module

GIVEN = {
    "LANDFALL_DATABASE_URL": "postgresql://u:p@h/d",
    "MLFLOW_TRACKING_URI": "postgresql://u:p@h/m",
    "LANDFALL_S3_ENDPOINT": "http://127.0.0.1:9000",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
LOG_IN = {"LANDFALL_KAFKA_USER": "landfall", "LANDFALL_KAFKA_PASSWORD": "hidden"}
KAFKA = {"LANDFALL_KAFKA_SERVERS": "a:9092,b:9093", **LOG_IN}


def test_a_job_reads_the_same_database_and_store_that_the_settings_name() -> None:
    settings = Settings.read(GIVEN)
    told = settings.of_jobs
    assert told == {
        **{name: GIVEN[name] for name in told if name in GIVEN},
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    again = Settings.read({**told, "MLFLOW_TRACKING_URI": "x"})
    assert (again.database_url, again.s3) == (settings.database_url, settings.s3)


@pytest.mark.parametrize("name", ["LANDFALL_DATABASE_URL", "MLFLOW_TRACKING_URI"])
def test_a_setting_without_a_default_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read({each: value for each, value in GIVEN.items() if each != name})
    assert str(refused.value).startswith(f"The setting `{name}` is missing.\n")


def test_without_servers_there_is_no_kafka() -> None:
    for kafka in ({}, LOG_IN, {"LANDFALL_KAFKA_SERVERS": " "}):
        settings = Settings.read({**GIVEN, **kafka})
        assert settings.kafka is None
        assert not set(module.KAFKA) & set(settings.of_jobs)


@pytest.mark.parametrize(
    "kafka", [KAFKA, {"LANDFALL_KAFKA_SERVERS": "k:1"}, {**KAFKA, "LANDFALL_KAFKA_PROTOCOL": "SASL_SSL"}]
)
def test_a_job_reads_the_same_kafka(kafka: dict[str, str]) -> None:
    settings = Settings.read({**GIVEN, **kafka})

    assert Settings.read({**settings.of_jobs, "MLFLOW_TRACKING_URI": "x"}).kafka == settings.kafka
    assert {*module.PLAIN, *module.SECRET} == set(settings.of_jobs)
    assert [name for name in module.PLAIN if "PASSWORD" in name] == []


def test_clients_and_spark_sign_in_to_kafka() -> None:
    kafka = Settings.read({**GIVEN, **KAFKA}).kafka

    assert kafka == KafkaSettings(servers="a:9092,b:9093", user="landfall", password="hidden")
    assert kafka.client() == {
        "bootstrap.servers": "a:9092,b:9093",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "landfall",
        "sasl.password": "hidden",
    }
    assert kafka.spark() == {
        "kafka.bootstrap.servers": "a:9092,b:9093",
        "kafka.security.protocol": "SASL_PLAINTEXT",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.jaas.config": (
            'org.apache.kafka.common.security.plain.PlainLoginModule required username="landfall" password="hidden";'
        ),
    }


def test_kafka_without_a_login_is_asked_for_none() -> None:
    kafka = KafkaSettings(servers="a:9092")

    assert kafka.client() == {"bootstrap.servers": "a:9092", "security.protocol": "PLAINTEXT"}
    assert kafka.spark() == {"kafka.bootstrap.servers": "a:9092", "kafka.security.protocol": "PLAINTEXT"}


def test_a_quote_in_a_password_stays_inside_of_its_value() -> None:
    kafka = KafkaSettings(servers="a:1", user="landfall", password='x" evil="1\\')

    assert kafka.spark()["kafka.sasl.jaas.config"].endswith(r' username="landfall" password="x\" evil=\"1\\";')
    assert kafka.client()["sasl.password"] == 'x" evil="1\\'


def test_what_names_a_broker_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "airflow.md").read_text(encoding="utf-8")
    assert [name for name in module.KAFKA if f"`{name}`" not in page] == []


def test_the_password_of_kafka_is_not_shown() -> None:
    settings = Settings.read({**GIVEN, **KAFKA})
    assert "hidden" not in repr(settings) + str(settings.kafka)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"LANDFALL_KAFKA_SERVERS": "a:9092,b"},
            "The setting `LANDFALL_KAFKA_SERVERS` is `a:9092,b`.\n"
            "  looked: expected HOST:PORT[,HOST:PORT], came `b`\n"
            "  next: LANDFALL_KAFKA_SERVERS=127.0.0.1:9092    (or unset it: then there is no Kafka)",
        ),
        (
            {"LANDFALL_KAFKA_USER": ""},
            "`LANDFALL_KAFKA_PASSWORD` is set, `LANDFALL_KAFKA_USER` is not.\n"
            "  next: set both, or none of them for brokers without a login",
        ),
        (
            {"LANDFALL_KAFKA_PASSWORD": ""},
            "`LANDFALL_KAFKA_USER` is set, `LANDFALL_KAFKA_PASSWORD` is not.\n"
            "  next: set both, or none of them for brokers without a login",
        ),
        (
            {"LANDFALL_KAFKA_PASSWORD": "hidden\n"},
            "The setting `LANDFALL_KAFKA_PASSWORD` holds a control character.\n"
            "  next: set LANDFALL_KAFKA_PASSWORD without it",
        ),
        (
            {"LANDFALL_KAFKA_PROTOCOL": "ssl"},
            "The setting `LANDFALL_KAFKA_PROTOCOL` is `SSL`.\n"
            "  looked: expected SASL_PLAINTEXT or SASL_SSL with a user\n"
            "  next: set or unset LANDFALL_KAFKA_PROTOCOL",
        ),
    ],
)
def test_settings_of_kafka_that_make_no_sense_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read({**GIVEN, **KAFKA, **changes})
    assert str(refused.value) == message
