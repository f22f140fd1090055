"""How to reach the registry: MLflow's client, whose failures become errors for a person."""

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
"""How long MLflow's connection waits: 10 s for a server, a minute for a silent one, 2 minutes for the answer to a statement."""

UNTOUCHED = "the champion and what was published stay as they were"


@contextmanager
def registry(settings: Settings, *, left: str = UNTOUCHED) -> Iterator["MlflowClient"]:
    """A client of the registry. A failure inside the `with` becomes a ModelError; `left` is its text on what is left behind.

    Raises:
        ModelError: the registry does not answer.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    address = settings.mlflow_tracking_uri.rpartition("@")[2]
    check_alive(settings)
    uri = patient(settings.mlflow_tracking_uri)
    try:
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except LandfallError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The model registry failed: {reason[:300]}", looked=address, left=left, next="landfall ps"
        ) from error


def patient(uri: str) -> str:
    """The registry's address with `LIMITS` added if it is a PostgreSQL database. What the address sets itself is kept."""
    if not uri.startswith("postgresql"):
        return uri
    address, _, query = uri.partition("?")
    chosen = dict(parse_qsl(query, keep_blank_values=True))
    # Not urlencode: MLflow passes the address to Alembic, which gives a per cent sign a meaning of its own.
    return f"{address}?{'&'.join(f'{name}={value}' for name, value in LIMITS.items() if name not in chosen)}" + (
        f"&{query}" if query else ""
    )


def check_alive(settings: Settings) -> None:
    """Tries the registry's port first: MLflow itself would try ten times, for 102 s, before it reports that nobody answers.

    Raises:
        ModelError: nobody answers.
    """
    registry_address, parts = settings.mlflow_tracking_uri.rpartition("@")[2], urlsplit(settings.mlflow_tracking_uri)
    if not parts.hostname:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or 5432), timeout=5).close()
    except OSError as error:
        raise ModelError(
            "The model registry does not answer.",
            looked=f"{registry_address} ({error})",
            left=UNTOUCHED,
            next="landfall ps",
        ) from error
