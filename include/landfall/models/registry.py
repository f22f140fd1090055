"""The registry is MLflow: a version a training, the alias `champion` on the one that serves.

`mlflow.spark.log_model` wants the JVM gateway, which Spark Connect has not. So Spark writes the PipelineModel itself, into
the run's artifacts, and `describe` puts beside it the MLmodel file that plain `mlflow.spark.load_model` reads.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from landfall.errors import LandfallError, ModelError
from landfall.spec import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One version of a registered model. `path` is its Spark PipelineModel, as Spark addresses it."""

    name: str
    version: str
    run_id: str
    path: str


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One MLflow run. `model_path` is where Spark is to write the PipelineModel."""

    run_id: str
    artifacts: str

    @property
    def model_path(self) -> str:
        """The model's folder as Spark addresses it."""
        return f"{self.artifacts}/model/sparkml".replace("s3://", "s3a://", 1)


@contextmanager
def registry(settings: Settings) -> Iterator["MlflowClient"]:
    """A client of the registry. What fails inside comes out as a ModelError.

    Raises:
        ModelError: the registry does not answer.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    where = settings.mlflow_tracking_uri.rpartition("@")[2]
    _check_alive(settings.mlflow_tracking_uri, where)
    try:
        yield MlflowClient(tracking_uri=settings.mlflow_tracking_uri, registry_uri=settings.mlflow_tracking_uri)
    except LandfallError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise ModelError(
            f"The model registry failed: {str(error).splitlines()[0][:300]}",
            looked=where,
            left="the champion and what was published stay as they were",
            next="landfall ps",
        ) from error


def _check_alive(uri: str, where: str) -> None:
    """Ask the registry's port first: MLflow itself asks ten times, for 102 s, before it says that nobody answers."""
    address = urlsplit(uri)
    if not address.hostname:
        return
    try:
        socket.create_connection((address.hostname, address.port or 5432), timeout=5).close()
    except OSError as error:
        raise ModelError(
            "The model registry does not answer.",
            looked=f"{where} ({error})",
            left="the champion and what was published stay as they were",
            next="landfall ps",
        ) from error


def champion(settings: Settings, name: str) -> ModelVersion | None:
    """The version of `name` that serves; None before the first one."""
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        try:
            found = client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
    path = f"{found.source}/sparkml".replace("s3://", "s3a://", 1)
    return ModelVersion(name=name, version=str(found.version), run_id=found.run_id, path=path)


def start_training(settings: Settings, name: str, tags: dict[str, str]) -> TrainingRun:
    """A new MLflow run in the experiment `name`, open until `register` or `fail`."""
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            try:
                experiment_id = client.create_experiment(name, f"{settings.mlflow_artifacts}/{name}")
            except MlflowException:  # another training made it in between
                experiment_id = client.get_experiment_by_name(name).experiment_id
        else:
            experiment_id = experiment.experiment_id
        run = client.create_run(experiment_id, tags={"landfall.code_version": settings.code_version, **tags})
    return TrainingRun(run_id=run.info.run_id, artifacts=run.info.artifact_uri)


def fail(settings: Settings, run: TrainingRun) -> None:
    """Close a run that gave no model."""
    with registry(settings) as client:
        client.set_terminated(run.run_id, status="FAILED")


def register(settings: Settings, run: TrainingRun, name: str, report: dict[str, Any]) -> ModelVersion:
    """Log what the training job reported, describe the model it saved, and register it as a new version."""
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
    from mlflow.utils.time import get_current_time_millis

    from landfall.models.description import describe

    with registry(settings) as client:
        now = get_current_time_millis()
        metrics = [Metric(key, value, now, 0) for key, value in {**report["metrics"], "rows": report["rows"]}.items()]
        client.log_batch(
            run.run_id, metrics=metrics, params=[Param(k, str(v)) for k, v in report["parameters"].items()]
        )
        client.log_dict(run.run_id, report["snapshot"], "snapshot.json")
        describe(client, run.run_id, report)
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {f"snapshot.{key}": str(value) for key, value in report["snapshot"].items()}
        made = client.create_model_version(name, f"{run.artifacts}/model", run.run_id, tags=tags)
        client.set_terminated(run.run_id)
    return ModelVersion(name=name, version=str(made.version), run_id=run.run_id, path=run.model_path)


def promote(settings: Settings, name: str, version: str) -> None:
    """Make `version` the champion: one write in the registry."""
    with registry(settings) as client:
        client.set_registered_model_alias(name, CHAMPION, version)


def log_published_errors(settings: Settings, name: str, metrics: dict[str, dict[str, float]], day: int) -> None:
    """Log the errors of what was published (version -> metric -> value) to the runs the versions came from.

    Args:
        day: Days since 1970-01-01, the metric's step: a rerun of a day writes the same step again.
    """
    with registry(settings) as client:
        for version, values in metrics.items():
            run_id = client.get_model_version(name, version).run_id
            for key, value in values.items():
                client.log_metric(run_id, key, value, step=day)
