"""One training in MLflow: a run, from its start to a registered version."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from landfall.models.client import registry
from landfall.models.description import describe
from landfall.models.own import How, note_own
from landfall.models.version import CHALLENGER, FITTED, JUDGED, ModelVersion, Snapshot, version_of
from landfall.spec import Settings
from landfall.spec.training_reports import FittedReport, TrainedReport

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_PARAMETER = 6000
"""The most characters that MLflow takes as the value of a parameter."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """An MLflow run whose training has not ended."""

    run_id: str
    artifacts: str

    @property
    def model_path(self) -> str:
        """Folder for the model that will serve, fitted on every row, as Spark addresses it."""
        return f"{self.artifacts}/model/{FITTED}".replace("s3://", "s3a://", 1)

    @property
    def judged_path(self) -> str:
        """Folder for the model's sibling, fitted without the held-out partitions, as Spark addresses it."""
        return f"{self.artifacts}/{JUDGED}".replace("s3://", "s3a://", 1)


def start_training(settings: Settings, name: str, tags: Mapping[str, str]) -> TrainingRun:
    """Starts an MLflow run in the experiment `name`. It stays open until `register` or `fail`.

    Args:
        settings: Where the registry is.
        name: The name of the registered model, and of the experiment.
        tags: Tags of the run; `landfall.reason` says why it trains, `landfall.run_id` which Airflow run this is.
    """
    with registry(settings) as client:
        experiment = _experiment(client, name, f"{settings.mlflow_artifacts}/{name}")
        run = client.create_run(
            experiment, run_name=name, tags={"landfall.code_version": settings.code_version, **tags}
        )
    return TrainingRun(run_id=run.info.run_id, artifacts=run.info.artifact_uri)


def _experiment(client: "MlflowClient", name: str, artifacts: str) -> str:
    from mlflow.exceptions import MlflowException

    if experiment := client.get_experiment_by_name(name):
        return str(experiment.experiment_id)
    try:
        return str(client.create_experiment(name, artifacts))
    except MlflowException:  # another training made it in between
        if experiment := client.get_experiment_by_name(name):
            return str(experiment.experiment_id)
        raise


def fail(settings: Settings, run: TrainingRun) -> None:
    """Closes, as failed, a run that gave no model."""
    with registry(settings) as client:
        client.set_terminated(run.run_id, status="FAILED")


def register(
    settings: Settings,
    run: TrainingRun,
    name: str,
    report: FittedReport,
    tags: Mapping[str, str] | None = None,
    *,
    learner: str = "",
    how: How = "trained",
) -> ModelVersion:
    """Logs what the training job reported, describes the saved model, and registers it as a new version: the challenger.

    Args:
        settings: Where the registry is.
        run: What `start_training` gave; the model is in its `model_path`.
        name: The registered model.
        report: The training job's report: a `TrainedReport` if it learnt from partitions.
        tags: Tags of the run and the version.
        learner: The learner, as JSON.
        how: How the version came to be, for the note that it is this project's own.

    Raises:
        ModelError: the registry, the artifacts' store or the predictions database failed. Then there is no version, or one
            that nobody serves or loads.
    """
    snapshot = Snapshot.of(report.snapshot, rows=report.rows) if isinstance(report, TrainedReport) else None
    chosen, run_tags = dict(tags or {}), {"mlflow.runName": f"{name} from {report.rows} rows"}
    if snapshot:
        run_tags = {"mlflow.runName": f"{name} until {snapshot.last}", "landfall.snapshot": snapshot.run_tag}
    with registry(settings) as client, tempfile.TemporaryDirectory() as folder:
        _log(client, run.run_id, report, {**chosen, **run_tags})
        describe(Path(folder), run.run_id, report, snapshot)
        client.log_artifacts(run.run_id, folder)
        number = _new_version(client, name, run, {**chosen, **_version_tags(report, snapshot, learner)})
        client.set_terminated(run.run_id)
        version = version_of(client.get_model_version(name, number), client.get_run(run.run_id))
        digests = {"sha256": report.model_sha256, "judged_sha256": report.judged_model_sha256}
        note_own(settings, version, how=how, by_run=chosen.get("landfall.run_id", ""), **digests)
        _call_challenger(client, name, number)
        return version


def _version_tags(report: FittedReport, snapshot: Snapshot | None, learner: str) -> dict[str, str]:
    """The tags that say how a version was made. `landfall.model_sha256`, for a pickle, is for people only: what may be loaded
    is decided by `landfall.models.own`."""
    tags = {
        "landfall.library": report.library,
        "landfall.learner": learner,
        "landfall.reference": "1" if report.reference else "",
        "landfall.model_sha256": report.model_sha256,
        "landfall.snapshot": snapshot.version_tag if snapshot else "",
    }
    return {key: text for key, text in tags.items() if text}


def _log(client: "MlflowClient", run_id: str, report: FittedReport, tags: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    numbers = {**report.metrics, "rows": report.rows}
    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), now, 0) for key, value in numbers.items() if value is not None],
        params=[Param(key, str(value)[:LONGEST_PARAMETER]) for key, value in report.parameters.items()],
        tags=[RunTag(key, text) for key, text in tags.items()],
    )


def _new_version(client: "MlflowClient", name: str, run: TrainingRun, tags: Mapping[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    registered = client.create_model_version(name, f"{run.artifacts}/model", run.run_id, tags=dict(tags))
    return str(registered.version)


def _call_challenger(client: "MlflowClient", name: str, version: str) -> None:
    """Sets the alias `challenger`. MLflow looks for the alias and then inserts it: of two first writers at once, one fails."""
    from mlflow.exceptions import MlflowException

    try:
        client.set_registered_model_alias(name, CHALLENGER, version)
    except MlflowException:
        client.set_registered_model_alias(name, CHALLENGER, version)
