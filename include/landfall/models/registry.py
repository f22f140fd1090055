"""The registry is MLflow, which has one version for each training. `landfall.freshness` decides which version serves.

MLflow's alias `champion` shows that decision. `mlflow.spark.log_model` needs the JVM gateway, which Spark Connect lacks. So
Spark writes the PipelineModel itself into the run's artifacts, and `describe` adds the MLmodel file that plain
`mlflow.spark.load_model` reads.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from landfall.errors import ModelError
from landfall.models.client import registry
from landfall.models.training import TrainingRun, fail, register, start_training
from landfall.models.version import CHALLENGER, CHAMPION, ModelVersion, pipeline_of, version_of
from landfall.models.watching import log_published_errors
from landfall.spec import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "ListedVersion",
    "ModelVersion",
    "TrainingRun",
    "champion_version",
    "fail",
    "find_version",
    "log_published_errors",
    "pipeline_of",
    "register",
    "registry",
    "set_champion",
    "start_training",
    "version",
    "versions",
]
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class ListedVersion:
    """A version with the aliases on it."""

    version: ModelVersion
    aliases: tuple[str, ...]


def champion_version(settings: Settings, name: str) -> str | None:
    """The number of the version that MLflow calls the champion of `name`, found in one read; None if there is no such alias.

    Anybody who reaches MLflow can set the alias: `landfall.freshness.champion` knows which version really serves.
    """
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        try:
            return str(client.get_model_version_by_alias(name, CHAMPION).version)
        except MlflowException as error:
            if error.error_code in MISSING:
                return None
            raise


def version(settings: Settings, name: str, number: str) -> ModelVersion:
    """Version `number` of `name`.

    Raises:
        ModelError: there is no such version; the message names those that exist.
    """
    if existing := find_version(settings, name, number):
        return existing
    with registry(settings) as client:
        known = sorted((str(entry.version) for entry in _search(client, name)), key=int)
    raise ModelError.unknown(f"version of `{name}`", number, known, next=f"landfall models {pipeline_of(name)}")


def find_version(settings: Settings, name: str, number: str) -> ModelVersion | None:
    """Version `number` of `name`; None if it never existed or was deleted."""
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        try:
            entry = client.get_model_version(name, number)
        except MlflowException as error:
            if error.error_code in MISSING:
                return None
            raise
        return version_of(entry, _run(client, entry.run_id))


def versions(settings: Settings, name: str, *, limit: int | None = None) -> list[ListedVersion]:
    """The versions of `name`, newest first, at most `limit`; empty if nothing is registered under that name."""
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        try:
            aliases = client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code in MISSING:
                return []
            raise
        entries = _search(client, name)[:limit]
        runs = {run.info.run_id: run for run in _runs(client, [entry.run_id for entry in entries if entry.run_id])}
    aliases_on: dict[str, list[str]] = {}
    for alias, number in aliases.items():
        aliases_on.setdefault(str(number), []).append(alias)
    return [
        ListedVersion(
            version=version_of(entry, runs.get(entry.run_id)),
            aliases=tuple(sorted(aliases_on.get(str(entry.version), ()))),
        )
        for entry in entries
    ]


def set_champion(settings: Settings, name: str, number: str) -> None:
    """Makes version `number` the champion in the registry, with one write, whatever the alias pointed to before.

    Callers use `landfall.freshness.promote` instead: it compares the versions first, and records the promotion.
    """
    unsure = f"version {number} may or may not have become the champion; nothing else was changed"
    with registry(settings, left=unsure) as client:
        client.set_registered_model_alias(name, CHAMPION, number)


def _search(client: "MlflowClient", name: str) -> list[Any]:
    """Every version of `name`, newest first."""
    entries: list[Any] = []
    token = None
    while True:
        quoted = name.replace("'", "''")
        page = client.search_model_versions(
            f"name = '{quoted}'", max_results=PAGE, order_by=["version_number DESC"], page_token=token
        )
        entries += page
        if not (token := page.token):
            return entries


def _runs(client: "MlflowClient", run_ids: list[str]) -> list[Any]:
    """The runs, read a hundred at a time instead of one by one."""
    runs: list[Any] = []
    experiments = [experiment.experiment_id for experiment in client.search_experiments()] if run_ids else []
    for start in range(0, len(run_ids), 100):
        ids = ", ".join(f"'{run_id}'" for run_id in run_ids[start : start + 100])
        runs += client.search_runs(experiments, f"attributes.run_id IN ({ids})", max_results=100)
    return runs


def _run(client: "MlflowClient", run_id: str | None) -> Any:
    """The run of a version; None if it was deleted."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
