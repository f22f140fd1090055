"""docker-compose.yaml as Compose reads it, with an .env file in which each secret is its own name."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from landfall.stack.secrets import Secrets

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yaml"
SECRETS = Secrets(**{one.name: f"the-{one.name}" for one in fields(Secrets)})
ENV_FILE = {
    "LANDFALL_CODE_VERSION": "abc1234",
    "LANDFALL_POSTGRES_PASSWORD": SECRETS.postgres,
    "LANDFALL_AIRFLOW_DB_PASSWORD": SECRETS.database_airflow,
    "LANDFALL_MLFLOW_DB_PASSWORD": SECRETS.database_mlflow,
    "LANDFALL_DB_PASSWORD": SECRETS.database_landfall,
    "LANDFALL_READER_PASSWORD": SECRETS.database_reader,
    "LANDFALL_SERVING_PASSWORD": SECRETS.database_serving,
    "LANDFALL_S3_ACCESS_KEY": SECRETS.s3_access_key,
    "LANDFALL_S3_SECRET_KEY": SECRETS.s3_secret_key,
    "LANDFALL_MODELS_ACCESS_KEY": SECRETS.models_access_key,
    "LANDFALL_MODELS_SECRET_KEY": SECRETS.models_secret_key,
    "LANDFALL_MLFLOW_PASSWORD": SECRETS.mlflow_admin,
    "LANDFALL_MLFLOW_SECRET_KEY": SECRETS.mlflow_session,
    "LANDFALL_AIRFLOW_PASSWORD": SECRETS.airflow_admin,
    "LANDFALL_AIRFLOW_SERVICE_PASSWORD": SECRETS.airflow_landfall,
    "LANDFALL_FERNET_KEY": SECRETS.airflow_fernet,
    "LANDFALL_KAFKA_PASSWORD": SECRETS.kafka_landfall,
    "LANDFALL_KAFKA_BROKER_PASSWORD": SECRETS.kafka_broker,
    "LANDFALL_SPARK_SECRET": "the-secret-of-sparks-servers",
    "LANDFALL_SPARK_TOKEN": SECRETS.spark_token,
    "LANDFALL_JWT_SECRET": SECRETS.airflow_jwt,
    "LANDFALL_API_SECRET_KEY": SECRETS.airflow_api,
}


def interpolated(text: str, env: Mapping[str, str]) -> str:
    """`text` as Compose would give it: `${NAME:?message}`, `${NAME:-default}` and `$$`. A default may be a JSON object.

    Raises:
        KeyError: a required variable is missing or empty.
    """

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        found = env.get(match["name"], "")
        if not found and match["kind"] == "?":
            raise KeyError(match["name"])
        return found or match["rest"]

    return re.sub(r"\$\$|\$\{(?P<name>\w+):(?P<kind>[?-])(?P<rest>(?:[^{}]|\{[^{}]*\})*)\}", value, text)


def walk(value: Any) -> Iterator[str]:
    """Every string in a structure, keys aside."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)
    elif isinstance(value, str):
        yield value


def resolved(value: Any, env: Mapping[str, str]) -> Any:
    """A structure with every string interpolated."""
    if isinstance(value, Mapping):
        return {key: resolved(inner, env) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, env) for inner in value]
    return interpolated(value, env) if isinstance(value, str) else value


RAW: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.fixture
def raw() -> dict[str, Any]:
    """The file as it is written."""
    return RAW


@pytest.fixture
def texts() -> list[str]:
    """Every string in the file as it is written."""
    return list(walk(RAW))


@pytest.fixture
def env_file() -> dict[str, str]:
    """What a complete .env file sets."""
    return dict(ENV_FILE)


@pytest.fixture
def with_env() -> Callable[[Mapping[str, str]], dict[str, Any]]:
    """The services as Compose gives them with another .env file."""
    return lambda env: resolved(RAW["services"], env)


@pytest.fixture
def services() -> dict[str, Any]:
    """The services as Compose gives them with the complete .env file."""
    return resolved(RAW["services"], ENV_FILE)
