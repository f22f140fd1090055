"""Reads a version from MLflow's registry as a form, without running code of unknown origin.

A Spark ML model is read from the files that Spark wrote, one of XGBoost or LightGBM from the library's own file. A scikit-learn
model is a pickle, which can run any code when it is loaded. So a pickle is loaded only if its digest is the one that Landfall
noted when it wrote it (`landfall.models.own`). Nothing outside this project's artifacts is read.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from landfall.database import connect
from landfall.deployments.artifacts import LEFT, Artifacts
from landfall.deployments.version import Registered
from landfall.errors import ModelError
from landfall.freshness import champion
from landfall.models.own import Own, check_loadable, check_place, is_own, own_versions, unknown_pickle
from landfall.models.registry import ModelVersion, registry, version, versions
from landfall.scoring import Model, read_lightgbm, read_sklearn, read_spark, read_xgboost
from landfall.spec import Settings

CLASSES = "landfall.classes"
"""The tag of a version that holds the names of its classes, as a JSON list."""


def find_registered(settings: Settings, model: str, number: str | None = None, run_id: str | None = None) -> Registered:
    """A version of a registered model.

    Args:
        settings: Where the registry is.
        model: The registered model.
        number: The version's number. None: the champion, or, if no version was promoted, the newest that Landfall made.
        run_id: The MLflow run that made the version, instead of its number.

    Raises:
        ModelError: there is no such version, it cannot or may not be read, or a part of it cannot be written in SQL.
    """
    if number and run_id:
        raise ModelError(
            "A version and a run are both named.", looked=f"version {number}, run {run_id}", left=LEFT, next="name one"
        )
    chosen = version(settings, model, number) if number else _chosen(settings, model, run_id)
    return Registered(
        model=model,
        version=chosen.version,
        run_id=chosen.run_id,
        form=read_form(settings, chosen),
        classes=_classes(chosen),
    )


def model_of_run(settings: Settings, run_id: str) -> str:
    """The registered model that a run made a version of.

    Raises:
        ModelError: the run made no version.
    """
    with registry(settings, left=LEFT) as client:
        made = client.search_model_versions(f"run_id = '{_plain(run_id)}'")
    if not made:
        raise ModelError(
            f"No version of a registered model was made by the run `{run_id}`.",
            looked="the model registry",
            left=LEFT,
            next=f"mlflow.register_model('runs:/{run_id}/model', NAME)    (then deploy NAME)",
        )
    return str(made[0].name)


def _chosen(settings: Settings, model: str, run_id: str | None) -> ModelVersion:
    """The version that the run made. Without a run: the champion, or the newest that Landfall made if none was promoted."""
    if not run_id:
        with connect(settings) as conn:
            if serving := champion(settings, conn, model):
                return serving
    registered = [listed.version for listed in versions(settings, model)]
    eligible = [candidate for candidate in registered if candidate.run_id == run_id] if run_id else registered
    if not eligible:
        raise _unknown(settings, model, run_id, registered)
    notes = own_versions(settings, model)
    if ours := next((candidate for candidate in eligible if is_own(notes.get(candidate.version), candidate)), None):
        return ours
    if run_id:
        return eligible[0]
    raise ModelError(
        f"No version of `{model}` was made by Landfall, so that none is deployed unless it is named.",
        looked=f"landfall.own_versions; MLflow has {', '.join(candidate.version for candidate in registered[:10])}",
        left=LEFT,
        next=f"landfall train {model}    (or name one: --model-version {registered[0].version})",
    )


def _unknown(settings: Settings, model: str, run_id: str | None, registered: list[ModelVersion]) -> ModelError:
    """The error for a run that made no version of the model, or for a model that is not registered."""
    if run_id:
        runs = [candidate.run_id for candidate in registered[:5]]
        return ModelError.unknown(f"version of `{model}` by the run", run_id, runs, next=f"landfall models {model}")
    with registry(settings, left=LEFT) as client:
        models = [listed.name for listed in client.search_registered_models(max_results=50)]
    return ModelError.unknown("registered model", model, models, next=f"landfall train {model}")


def read_form(settings: Settings, model_version: ModelVersion) -> Model:
    """What a version computes.

    Raises:
        ModelError: the version is of no library that is known here, lies outside this project's artifacts, is a pickle that
            Landfall did not write, or cannot be written as a form.
    """
    note = check_loadable(settings, model_version, left=LEFT)
    place = place_of(settings, model_version)
    files = Artifacts(settings.s3)
    described = files.read_file(f"{place}/MLmodel")
    flavors = flavors_of(described)
    if "spark" in flavors:
        folder = f"{place}/{flavors['spark']['model_data']}"
        check_place(settings, model_version, folder, left=LEFT)
        return read_spark(folder, files)
    if "sklearn" in flavors:
        file = f"{place}/{flavors['sklearn']['pickled_model']}"
        check_place(settings, model_version, file, left=LEFT)
        return read_sklearn(_own_pickle(model_version, note, files.read_file(file)))
    for name, read in BOOSTED.items():
        if name in flavors:
            flavor = flavors[name] if isinstance(flavors[name], dict) else {}
            file = f"{place}/{flavor.get('data', '')}"
            check_place(settings, model_version, file, left=LEFT)
            return read(file, flavor, files.read_file(file), columns_of(described))
    raise ModelError(
        f"Version {model_version.version} of `{model_version.name}` is no model of {', '.join(LIBRARIES)}.",
        looked=f"its flavors: {', '.join(flavors) or 'none'}",
        left=LEFT,
        next="landfall models " + model_version.name,
    )


def _xgboost(file: str, flavor: Mapping[str, Any], content: bytes, columns: Sequence[str]) -> Model:
    """As the class of the model predicts: those of scikit-learn's kind stop at the best iteration, a `Booster` does not."""
    return read_xgboost(content, columns, best=str(flavor.get("model_class", "")).startswith("xgboost.sklearn."))


def _lightgbm(file: str, flavor: Mapping[str, Any], content: bytes, columns: Sequence[str]) -> Model:
    """LightGBM's text. MLflow pickles the classes of scikit-learn's kind, and a pickle can run any code.

    Raises:
        ModelError: it is a pickle.
    """
    if file.endswith(".pkl"):
        raise ModelError(
            "MLflow has kept this model of LightGBM as a pickle, which can run any code when it is loaded.",
            looked=file,
            left=LEFT,
            next="log its booster, which is kept as text: mlflow.lightgbm.log_model(model.booster_, ...)",
        )
    return read_lightgbm(content, columns)


BOOSTED: dict[str, Callable[[str, Mapping[str, Any], bytes, Sequence[str]], Model]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}
"""Flavor of MLflow -> how its file is read: from where, the flavor's entry, the content, and the columns of the signature."""
LIBRARIES = ("Spark ML", "scikit-learn", "XGBoost", "LightGBM")


def place_of(settings: Settings, model_version: ModelVersion, *, left: str = LEFT) -> str:
    """The folder of a version's files.

    Raises:
        ModelError: the folder is not among this project's artifacts.
    """
    with registry(settings, left=left) as client:
        place = str(client.get_model_version_download_uri(model_version.name, model_version.version)).rstrip("/")
    check_place(settings, model_version, place, left=left)
    return place


def flavors_of(content: bytes) -> dict[str, Any]:
    """The flavors in an MLmodel file; empty if the file names none."""
    flavors = _document(content).get("flavors")
    return flavors if isinstance(flavors, dict) else {}


def columns_of(content: bytes) -> list[str]:
    """The names of the inputs in the signature of an MLmodel file; empty if it has no signature, or one without names."""
    signature = _document(content).get("signature")
    inputs = signature.get("inputs") if isinstance(signature, dict) else None
    with suppress(ValueError, TypeError, KeyError):
        return [str(column["name"]) for column in json.loads(inputs or "[]")]
    return []


def _document(content: bytes) -> dict[str, Any]:
    import yaml

    document = None
    with suppress(yaml.YAMLError):
        document = yaml.safe_load(content)
    return document if isinstance(document, dict) else {}


def _classes(model_version: ModelVersion) -> tuple[str, ...]:
    """The names of the classes in the version's tag; empty if it has no such tag."""
    tag, names = model_version.tags.get(CLASSES, "[]"), None
    with suppress(ValueError):
        names = json.loads(tag)
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(names)
    raise ModelError(
        f"The tag `{CLASSES}` of version {model_version.version} of `{model_version.name}` does not name its classes.",
        looked=f'{tag}; expected a JSON list of names, such as ["no", "yes"]',
        left=LEFT,
        next="mend the tag in MLflow",
    )


def _own_pickle(model_version: ModelVersion, note: Own | None, content: bytes) -> Any:
    """The object in a pickle that this project wrote.

    Raises:
        ModelError: the pickle's digest is not the noted one, or none was noted.
    """
    expected = note.sha256 if note else ""
    if not expected:
        raise unknown_pickle(model_version, left=LEFT)
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise unknown_pickle(model_version, sha256=actual, expected=expected, left=LEFT)
    import cloudpickle

    return cloudpickle.loads(content)


def _plain(run_id: str) -> str:
    return run_id.replace("'", "")
