"""The way to the registry: MLflow's client, with its failures as errors for a person."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from landfall.errors import LandfallError, ModelError
from landfall.spec import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

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
    try:
        yield MlflowClient(tracking_uri=settings.mlflow_tracking_uri, registry_uri=settings.mlflow_tracking_uri)
    except LandfallError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The model registry failed: {said[:300]}", looked=where, left=left, next="landfall ps"
        ) from error


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
