"""One training in MLflow: a run from its start to a registered version."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfall.models.client import registry
from landfall.models.description import describe
from landfall.models.own import How, note_own
from landfall.models.version import CHALLENGER, FITTED, JUDGED, ModelVersion, Snapshot, version_of
from landfall.spec import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_PARAMETER = 6000
"""Characters that MLflow takes as a parameter's value."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One MLflow run, as long as its training lasts."""

    run_id: str
    artifacts: str

    @property
    def model_path(self) -> str:
        """Folder for the model that is to serve, fitted on every row, as Spark addresses it."""
        return f"{self.artifacts}/model/{FITTED}".replace("s3://", "s3a://", 1)

    @property
    def judged_path(self) -> str:
        """Folder for its sibling, fitted without the held-out partitions, as Spark addresses it."""
        return f"{self.artifacts}/{JUDGED}".replace("s3://", "s3a://", 1)


def start_training(settings: Settings, name: str, tags: Mapping[str, str]) -> TrainingRun:
    """A new MLflow run in the experiment `name`, open until `register` or `fail`.

    Args:
        settings: Where the registry is.
        name: The registered model's name, and the experiment's.
        tags: Of the run; `landfall.reason` is why it trains, `landfall.run_id` which Airflow run this is.
    """
    with registry(settings) as client:
        experiment = _experiment(client, name, f"{settings.mlflow_artifacts}/{name}")
        run = client.create_run(
            experiment, run_name=name, tags={"landfall.code_version": settings.code_version, **tags}
        )
    return TrainingRun(run_id=run.info.run_id, artifacts=run.info.artifact_uri)


def _experiment(client: "MlflowClient", name: str, artifacts: str) -> str:
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifacts))
    except MlflowException:  # another training made it in between
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        raise


def fail(settings: Settings, run: TrainingRun) -> None:
    """Close a run that gave no model."""
    with registry(settings) as client:
        client.set_terminated(run.run_id, status="FAILED")


def register(
    settings: Settings,
    run: TrainingRun,
    name: str,
    report: Mapping[str, Any],
    tags: Mapping[str, str] | None = None,
    *,
    learner: str = "",
    how: How = "trained",
) -> ModelVersion:
    """Log what the training job reported, describe the model it saved, and register it as a new version, the challenger.

    Args:
        settings: Where the registry is.
        run: What `start_training` gave; the model lies in its `model_path`.
        name: The registered model.
        report: The training job's; of a table model it has no `snapshot`.
        tags: Of the run and the version.
        learner: The learner, as JSON.
        how: How the version came to be, for the note that it is this project's own.

    Raises:
        ModelError: the registry, the artifacts' store or the predictions database failed. There is no version then, or one
            that nobody serves or loads.
    """
    snapshot = Snapshot.of(report["snapshot"], rows=report["rows"]) if "snapshot" in report else None
    given, told = dict(tags or {}), {"mlflow.runName": f"{name} from {report['rows']} rows"}
    if snapshot:
        told = {"mlflow.runName": f"{name} until {snapshot.last}", "landfall.snapshot": snapshot.run_tag}
    with registry(settings) as client, tempfile.TemporaryDirectory() as folder:
        _log(client, run.run_id, report, {**given, **told})
        describe(Path(folder), run.run_id, report, snapshot)
        client.log_artifacts(run.run_id, folder)
        made = _new_version(client, name, run, {**given, **_version_tags(report, snapshot, learner)})
        client.set_terminated(run.run_id)
        version = version_of(client.get_model_version(name, made), client.get_run(run.run_id))
        digests = {key: str(report.get(f"{key[:-6]}model_sha256", "")) for key in ("sha256", "judged_sha256")}
        note_own(settings, version, how=how, by_run=given.get("landfall.run_id", ""), **digests)
        _call_challenger(client, name, made)
        return version


def _version_tags(report: Mapping[str, Any], snapshot: Snapshot | None, learner: str) -> dict[str, str]:
    """What a version says of how it was made. `landfall.model_sha256` is there where the model is a pickle, for a person:
    what is loaded is known by `landfall.models.own`."""
    said = {
        "landfall.library": str(report.get("library", "spark")),
        "landfall.learner": learner,
        "landfall.reference": "1" if report.get("reference") else "",
        "landfall.model_sha256": str(report.get("model_sha256", "")),
        "landfall.snapshot": snapshot.version_tag if snapshot else "",
    }
    return {key: text for key, text in said.items() if text}


def _log(client: "MlflowClient", run_id: str, report: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    numbers = {**report["metrics"], "rows": report["rows"]}
    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), now, 0) for key, value in numbers.items() if value is not None],
        params=[Param(key, str(value)[:LONGEST_PARAMETER]) for key, value in report["parameters"].items()],
        tags=[RunTag(key, text) for key, text in tags.items()],
    )


def _new_version(client: "MlflowClient", name: str, run: TrainingRun, tags: Mapping[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(name, f"{run.artifacts}/model", run.run_id, tags=dict(tags))
    return str(made.version)


def _call_challenger(client: "MlflowClient", name: str, version: str) -> None:
    """Set the alias `challenger`. MLflow looks whether there is one, then inserts: of two first ones at once, one fails."""
    from mlflow.exceptions import MlflowException

    try:
        client.set_registered_model_alias(name, CHALLENGER, version)
    except MlflowException:
        client.set_registered_model_alias(name, CHALLENGER, version)
