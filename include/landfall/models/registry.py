"""The registry is MLflow: a version a training. Its alias `champion` shows which one serves; `landfall.freshness` decides that.

`mlflow.spark.log_model` wants the JVM gateway, which Spark Connect has not. So Spark writes the PipelineModel itself, into
the run's artifacts, and `describe` puts beside it the MLmodel file that plain `mlflow.spark.load_model` reads.
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
    "Listed",
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
class Listed:
    """A version with the aliases on it."""

    version: ModelVersion
    aliases: tuple[str, ...]


def champion_version(settings: Settings, name: str) -> str | None:
    """The number of the version that MLflow calls the champion of `name`, by one read; None if it calls none so.

    Anybody who reaches MLflow can set it: which version serves `landfall.freshness.champion` says.
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
        ModelError: there is none; the message names those there are.
    """
    if found := find_version(settings, name, number):
        return found
    with registry(settings) as client:
        known = sorted((str(each.version) for each in _search(client, name)), key=int)
    raise ModelError.unknown(f"version of `{name}`", number, known, next=f"landfall models {pipeline_of(name)}")


def find_version(settings: Settings, name: str, number: str) -> ModelVersion | None:
    """Version `number` of `name`; None if there is none, or it was deleted."""
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        try:
            found = client.get_model_version(name, number)
        except MlflowException as error:
            if error.error_code in MISSING:
                return None
            raise
        return version_of(found, _run(client, found.run_id))


def versions(settings: Settings, name: str, *, limit: int | None = None) -> list[Listed]:
    """The versions of `name`, newest first, at most `limit`; none if nothing is registered under that name."""
    from mlflow.exceptions import MlflowException

    with registry(settings) as client:
        try:
            aliases = client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code in MISSING:
                return []
            raise
        found = _search(client, name)[:limit]
        runs = {run.info.run_id: run for run in _runs(client, [each.run_id for each in found if each.run_id])}
    on: dict[str, list[str]] = {}
    for alias, number in aliases.items():
        on.setdefault(str(number), []).append(alias)
    return [
        Listed(version=version_of(each, runs.get(each.run_id)), aliases=tuple(sorted(on.get(str(each.version), ()))))
        for each in found
    ]


def set_champion(settings: Settings, name: str, number: str) -> None:
    """Make version `number` the champion: one write in the registry, whatever was there before.

    `landfall.freshness.promote` is for everybody else: it compares first, and remembers.
    """
    unsure = f"whether version {number} became the champion is not known; nothing else was changed"
    with registry(settings, left=unsure) as client:
        client.set_registered_model_alias(name, CHAMPION, number)


def _search(client: "MlflowClient", name: str) -> list[Any]:
    """Every version of `name`, newest first."""
    found: list[Any] = []
    token = None
    while True:
        quoted = name.replace("'", "''")
        page = client.search_model_versions(
            f"name = '{quoted}'", max_results=PAGE, order_by=["version_number DESC"], page_token=token
        )
        found += page
        if not (token := page.token):
            return found


def _runs(client: "MlflowClient", run_ids: list[str]) -> list[Any]:
    """The runs, in one query a hundred instead of one each."""
    found: list[Any] = []
    experiments = [each.experiment_id for each in client.search_experiments()] if run_ids else []
    for at in range(0, len(run_ids), 100):
        listed = ", ".join(f"'{each}'" for each in run_ids[at : at + 100])
        found += client.search_runs(experiments, f"attributes.run_id IN ({listed})", max_results=100)
    return found


def _run(client: "MlflowClient", run_id: str | None) -> Any:
    """The run of a version; None if it is not there any more."""
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
