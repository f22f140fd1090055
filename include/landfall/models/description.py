"""What is logged beside a fitted model: the MLmodel file, with which plain MLflow loads it, and files for people to read.

Everything is written into one local folder, which mirrors the run's artifacts and is sent in one go.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from landfall.models.plots import actual_versus_predicted, importances
from landfall.models.version import FITTED, REFERENCE, Snapshot
from landfall.spec.training_reports import FittedReport, TrainedReport

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

EXAMPLE = "input_example.json"


def describe(folder: Path, run_id: str, report: FittedReport, snapshot: Snapshot | None) -> None:
    """Writes what is logged besides the fitted model, from the training job's report, into `folder`.

    `model/MLmodel` has the flavor `spark` or `sklearn`, and `python_function`; its signature lists the columns and their
    types. `snapshot.json` is written if there is a snapshot; `reference.json`, `importances.*`, `actual_versus_predicted.png`
    and `tried.json` if the report has their content.
    """
    _model(folder / "model", run_id, report)
    texts = {
        "snapshot.json": snapshot.as_dict() if snapshot else None,
        "importances.json": report.importances,
        "tried.json": report.tried if isinstance(report, TrainedReport) else None,
        REFERENCE: report.reference,
    }
    for name, value in texts.items():
        if value:
            Path(folder, name).write_text(json.dumps(value, indent=1 if name != REFERENCE else None))
    if report.importances:
        importances(report.importances, folder / "importances.png")
    if report.sample:
        actual_versus_predicted(report.sample, report.label, folder / "actual_versus_predicted.png")


def _model(folder: Path, run_id: str, report: FittedReport) -> None:
    from mlflow.models import Model

    folder.mkdir(parents=True)
    example = report.example
    model = Model(
        artifact_path="model",
        run_id=run_id,
        signature=_signature(report),
        saved_input_example_info={"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"}
        if example
        else None,
    )
    packages = _sklearn(model) if report.library == "scikit-learn" else _spark(model)
    model.save(str(folder / "MLmodel"))
    Path(folder, "requirements.txt").write_text("".join(f"{name}=={version(name)}\n" for name in packages))
    if example:
        row = [example[name] for name in report.features]
        Path(folder, EXAMPLE).write_text(json.dumps({"columns": list(report.features), "data": [row]}))


def _signature(report: FittedReport) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, Schema

    kinds = {"vector": Array(DataType.double)}
    types = {name: report.types.get(name, "double") for name in report.features}
    inputs = Schema([ColSpec(kinds.get(kind, kind), name) for name, kind in types.items()])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double", report.prediction)]))


def _spark(model: "Model") -> list[str]:
    """Describes a PipelineModel, which Spark's own writer has put into `fitted`. Gives the packages that it needs."""
    from mlflow import pyfunc

    model.add_flavor("spark", pyspark_version=version("pyspark"), model_data=FITTED, code=None)
    pyfunc.add_to_model(model, loader_module="mlflow.spark", data=FITTED)
    return ["mlflow", "pyspark"]


def _sklearn(model: "Model") -> list[str]:
    """Describes a pickle in `fitted/model.pkl`; cloudpickle reads those of pickle too. Gives the packages that it needs."""
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
