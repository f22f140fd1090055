"""The way to the registry: MLflow's client, with its failures as errors for a person."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from landfall.errors import LandfallError, ModelError
from landfall.spec import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

LIMITS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "options": "-cstatement_timeout=120000",
}
"""How long MLflow waits: 10 s for a connection, a minute for a server that is gone without a word, 2 minutes for an answer."""

UNTOUCHED = "the champion and what was published stay as they were"


@contextmanager
def registry(settings: Settings, *, left: str = UNTOUCHED) -> Iterator["MlflowClient"]:
    """A client of the registry. What fails inside comes out as a ModelError that says what is `left` behind.

    Raises:
        ModelError: the registry does not answer.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    where = settings.mlflow_tracking_uri.rpartition("@")[2]
    check_alive(settings)
    uri = patient(settings.mlflow_tracking_uri)
    try:
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except LandfallError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The model registry failed: {said[:300]}", looked=where, left=left, next="landfall ps"
        ) from error


def patient(uri: str) -> str:
    """The registry's address with `LIMITS`, where it is a PostgreSQL database; what the address says itself wins."""
    if not uri.startswith("postgresql"):
        return uri
    address, _, query = uri.partition("?")
    said = dict(parse_qsl(query, keep_blank_values=True))
    # Not urlencode: MLflow hands the address to Alembic, which takes a per cent sign for one of its own.
    return f"{address}?{'&'.join(f'{name}={value}' for name, value in LIMITS.items() if name not in said)}" + (
        f"&{query}" if query else ""
    )


def check_alive(settings: Settings) -> None:
    """Ask the registry's port first: MLflow itself asks ten times, for 102 s, before it says that nobody answers.

    Raises:
        ModelError: nobody answers.
    """
    where, address = settings.mlflow_tracking_uri.rpartition("@")[2], urlsplit(settings.mlflow_tracking_uri)
    if not address.hostname:
        return
    try:
        socket.create_connection((address.hostname, address.port or 5432), timeout=5).close()
    except OSError as error:
        raise ModelError(
            "The model registry does not answer.",
            looked=f"{where} ({error})",
            left=UNTOUCHED,
            next="landfall ps",
        ) from error
