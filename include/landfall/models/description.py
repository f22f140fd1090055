"""What is put beside a fitted model: the MLmodel file, so that plain MLflow loads it, and what a person wants to see.

Everything is written into one local folder that mirrors the run's artifacts, and sent in one go.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfall.models.plots import actual_versus_predicted, importances
from landfall.models.version import FITTED, REFERENCE, Snapshot
from landfall.spec.learner import Library

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

EXAMPLE = "input_example.json"


def describe(folder: Path, run_id: str, report: Mapping[str, Any], snapshot: Snapshot | None) -> None:
    """Write everything that is logged besides the fitted model, from the training job's report.

    `model/MLmodel` has the flavors `spark` or `sklearn`, and `python_function`; its signature has the columns with their
    types. `snapshot.json` is there if there is one; `reference.json`, `importances.*`, `actual_versus_predicted.png` and
    `tried.json` if the report has what they show.
    """
    _model(folder / "model", run_id, report)
    texts = {
        "snapshot.json": snapshot.as_dict() if snapshot else None,
        "importances.json": report.get("importances"),
        "tried.json": report.get("tried"),
        REFERENCE: report.get("reference"),
    }
    for name, value in texts.items():
        if value:
            Path(folder, name).write_text(json.dumps(value, indent=1 if name != REFERENCE else None))
    if shares := report.get("importances"):
        importances(shares, folder / "importances.png")
    if sample := report.get("sample"):
        actual_versus_predicted(sample, report["label"], folder / "actual_versus_predicted.png")


def _model(folder: Path, run_id: str, report: Mapping[str, Any]) -> None:
    from mlflow.models import Model

    folder.mkdir(parents=True)
    example = report.get("example")
    model = Model(
        artifact_path="model",
        run_id=run_id,
        signature=_signature(report),
        saved_input_example_info={"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"}
        if example
        else None,
    )
    library: Library = report.get("library", "spark")
    packages = _sklearn(model) if library == "scikit-learn" else _spark(model)
    model.save(str(folder / "MLmodel"))
    Path(folder, "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in packages))
    if example:
        row = [example[name] for name in report["features"]]
        Path(folder, EXAMPLE).write_text(json.dumps({"columns": report["features"], "data": [row]}))


def _signature(report: Mapping[str, Any]) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    types = report.get("types", {})
    inputs = Schema([ColSpec(types.get(name, "double"), name) for name in report["features"]])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double", report.get("prediction", "prediction"))]))


def _spark(model: "Model") -> list[str]:
    """A PipelineModel in `fitted`, as Spark's own writer leaves it."""
    from mlflow import pyfunc

    model.add_flavor("spark", pyspark_version=version("pyspark"), model_data=FITTED, code=None)
    pyfunc.add_to_model(model, loader_module="mlflow.spark", data=FITTED)
    return ["mlflow", "pyspark"]


def _sklearn(model: "Model") -> list[str]:
    """A pickle in `fitted/model.pkl`; cloudpickle reads what either of the two wrote."""
    from mlflow import pyfunc

    pickled = f"{FITTED}/model.pkl"
    model.add_flavor(
        "sklearn",
        pickled_model=pickled,
        sklearn_version=version("scikit-learn"),
        serialization_format="cloudpickle",
        code=None,
    )
    pyfunc.add_to_model(model, loader_module="mlflow.sklearn", model_path=pickled, predict_fn="predict")
    return ["mlflow", "scikit-learn", "cloudpickle"]
