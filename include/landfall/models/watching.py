"""Logs what becomes known of a version after its training: its gate, the errors of its publications, drift."""

import json
from collections.abc import Mapping

from landfall.models.client import registry
from landfall.models.version import ModelVersion
from landfall.spec import Settings


def log_metrics(settings: Settings, run_id: str, metrics: Mapping[str, float], *, step: int = 0) -> None:
    """Logs numbers to a version's run, in one write. For what is measured daily, `step` is the days since 1970-01-01."""
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    with registry(settings) as client:
        client.log_batch(run_id, metrics=[Metric(key, float(value), now, step) for key, value in metrics.items()])


def log_published_errors(settings: Settings, name: str, metrics: Mapping[str, Mapping[str, float]], step: int) -> None:
    """Logs the errors of publications to the runs that made the versions.

    A version that was deleted is skipped.

    Args:
        settings: Where the registry is.
        name: The registered model.
        metrics: Version -> metric -> value.
        step: The metric's step: see `Partition.ordinal`. A rerun of a partition writes the same step again.
    """
    from mlflow.exceptions import MlflowException

    for version, values in metrics.items():
        with registry(settings) as client:
            try:
                run_id = client.get_model_version(name, version).run_id
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                continue
        if run_id:
            log_metrics(settings, run_id, values, step=step)


def annotate(settings: Settings, version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Sets tags on a version."""
    with registry(settings) as client:
        for key, text in tags.items():
            client.set_model_version_tag(version.name, version.version, key, text)


def log_verdict(settings: Settings, version: ModelVersion, report: Mapping[str, object], markdown: str) -> None:
    """Keeps the gate's figures with the version's run: `gate.json`, and `gate.md` for people."""
    with registry(settings) as client:
        client.log_text(version.run_id, json.dumps(report, indent=1), "gate.json")
        client.log_text(version.run_id, markdown, "gate.md")
