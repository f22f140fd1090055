"""A registered model version as a form: what is in MLflow's registry, read without running anything of it.

Spark ML models are read from the files that Spark wrote. A model of scikit-learn is a pickle, which can run anything when it is
loaded: only one that Landfall wrote is, known by the digest that it has noted (`landfall.models.own`). Nothing outside this
project's artifacts is read.
"""

import hashlib
import json
from contextlib import suppress
from typing import Any

from landfall.database import connect
from landfall.deployments.artifacts import LEFT, Artifacts
from landfall.deployments.version import Registered
from landfall.errors import ModelError
from landfall.freshness import champion
from landfall.models.own import Own, check_loadable, check_place, is_own, own_versions, unknown_pickle
from landfall.models.registry import ModelVersion, registry, version, versions
from landfall.scoring import Model, read_sklearn, read_spark
from landfall.spec import Settings

CLASSES = "landfall.classes"
"""Tag of a version: the names of its classes as a JSON list."""


def find_registered(settings: Settings, model: str, number: str | None = None, run_id: str | None = None) -> Registered:
    """A version of a registered model.

    Args:
        settings: Where the registry is.
        model: The registered model.
        number: Its version; None: the champion, or the newest that Landfall made where nothing was promoted.
        run_id: The MLflow run that made it, instead of its number.

    Raises:
        ModelError: there is none, it cannot be read or may not be, or it has a part that has no form in SQL.
    """
    if number and run_id:
        raise ModelError(
            "A version and a run are both named.", looked=f"version {number}, run {run_id}", left=LEFT, next="name one"
        )
    found = version(settings, model, number) if number else _chosen(settings, model, run_id)
    return Registered(
        model=model,
        version=found.version,
        run_id=found.run_id,
        form=read_form(settings, found),
        classes=_classes(found),
    )


def model_of_run(settings: Settings, run_id: str) -> str:
    """The registered model that a run made a version of.

    Raises:
        ModelError: it made none.
    """
    with registry(settings, left=LEFT) as client:
        found = client.search_model_versions(f"run_id = '{_plain(run_id)}'")
    if not found:
        raise ModelError(
            f"No version of a registered model was made by the run `{run_id}`.",
            looked="the model registry",
            left=LEFT,
            next=f"mlflow.register_model('runs:/{run_id}/model', NAME)    (then deploy NAME)",
        )
    return str(found[0].name)


def _chosen(settings: Settings, model: str, run_id: str | None) -> ModelVersion:
    """The version that a run made; else the champion, or the newest that Landfall made where nothing was promoted."""
    if not run_id:
        with connect(settings) as conn:
            if serving := champion(settings, conn, model):
                return serving
    registered = [listed.version for listed in versions(settings, model)]
    eligible = [found for found in registered if found.run_id == run_id] if run_id else registered
    if not eligible:
        raise _unknown(settings, model, run_id, registered)
    notes = own_versions(settings, model)
    if ours := next((found for found in eligible if is_own(notes.get(found.version), found)), None):
        return ours
    if run_id:
        return eligible[0]
    raise ModelError(
        f"No version of `{model}` was made by Landfall, so that none is deployed unless it is named.",
        looked=f"landfall.own_versions; MLflow has {', '.join(found.version for found in registered[:10])}",
        left=LEFT,
        next=f"landfall train {model}    (or name one: --model-version {registered[0].version})",
    )


def _unknown(settings: Settings, model: str, run_id: str | None, registered: list[ModelVersion]) -> ModelError:
    """The error of a run that made no version of the model, or of a model that is not registered."""
    if run_id:
        runs = [found.run_id for found in registered[:5]]
        return ModelError.unknown(f"version of `{model}` by the run", run_id, runs, next=f"landfall models {model}")
    with registry(settings, left=LEFT) as client:
        models = [found.name for found in client.search_registered_models(max_results=50)]
    return ModelError.unknown("registered model", model, models, next=f"landfall train {model}")


def read_form(settings: Settings, found: ModelVersion) -> Model:
    """What a version computes.

    Raises:
        ModelError: it is no model of Spark ML or scikit-learn, lies outside this project's artifacts, is a pickle that
            Landfall did not write, or has no form.
    """
    note = check_loadable(settings, found, left=LEFT)
    where = place_of(settings, found)
    files = Artifacts(settings.s3)
    flavors = flavors_of(files.read_file(f"{where}/MLmodel"))
    if "spark" in flavors:
        folder = f"{where}/{flavors['spark']['model_data']}"
        check_place(settings, found, folder, left=LEFT)
        return read_spark(folder, files)
    if "sklearn" in flavors:
        file = f"{where}/{flavors['sklearn']['pickled_model']}"
        check_place(settings, found, file, left=LEFT)
        return read_sklearn(_own_pickle(found, note, files.read_file(file)))
    raise ModelError(
        f"Version {found.version} of `{found.name}` is no model of Spark ML or scikit-learn.",
        looked=f"its flavors: {', '.join(flavors) or 'none'}",
        left=LEFT,
        next="landfall models " + found.name,
    )


def place_of(settings: Settings, found: ModelVersion, *, left: str = LEFT) -> str:
    """The folder of a version's files, which is among this project's artifacts.

    Raises:
        ModelError: it is not.
    """
    with registry(settings, left=left) as client:
        where = str(client.get_model_version_download_uri(found.name, found.version)).rstrip("/")
    check_place(settings, found, where, left=left)
    return where


def flavors_of(content: bytes) -> dict[str, Any]:
    """The flavors in an MLmodel file; none if it holds none."""
    import yaml

    told = None
    with suppress(yaml.YAMLError):
        told = yaml.safe_load(content)
    flavors = told.get("flavors") if isinstance(told, dict) else None
    return flavors if isinstance(flavors, dict) else {}


def _classes(found: ModelVersion) -> tuple[str, ...]:
    """What the classes are called, as a tag of the version says."""
    told, names = found.tags.get(CLASSES, "[]"), None
    with suppress(ValueError):
        names = json.loads(told)
    if isinstance(names, list) and all(isinstance(each, str) for each in names):
        return tuple(names)
    raise ModelError(
        f"The tag `{CLASSES}` of version {found.version} of `{found.name}` does not name its classes.",
        looked=f'{told}; expected a JSON list of names, such as ["no", "yes"]',
        left=LEFT,
        next="mend the tag in MLflow",
    )


def _own_pickle(found: ModelVersion, note: Own | None, content: bytes) -> Any:
    """The object in a pickle, if this project wrote it."""
    expected = note.sha256 if note else ""
    if not expected:
        raise unknown_pickle(found, left=LEFT)
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise unknown_pickle(found, sha256=actual, expected=expected, left=LEFT)
    import cloudpickle

    return cloudpickle.loads(content)


def _plain(run_id: str) -> str:
    return run_id.replace("'", "")
