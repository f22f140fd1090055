"""Logs a model that a person has fitted, say in a notebook, as a run of MLflow and a version of a registered model.

`mlflow.spark.log_model` fails on Spark Connect (see `landfall.models.registry`). What is logged here can be loaded by plain
MLflow, like the versions of Landfall's own trainings, and `landfall deploy` accepts it.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from landfall.errors import LandfallError, ModelError
from landfall.models.client import registry
from landfall.models.training import TrainingRun, fail, register, start_training
from landfall.models.version import FITTED, ModelVersion
from landfall.spec import Settings
from landfall.spec.learner import Library
from landfall.spec.training_reports import FittedReport

LEFT = "no version was registered"
TEXTS = ("string", "object", "category", "str")
WHOLE = ("int", "uint", "tinyint", "smallint", "bigint")
"""Names of text types, and how the names of whole-number types begin, in Spark and pandas."""


def log_model(
    settings: Settings,
    name: str,
    model: Any,
    rows: Any,
    *,
    label: str = "",
    metrics: Mapping[str, float] | None = None,
    classes: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Saves a fitted model, describes it, and registers it as a new version: the challenger. The champion stays.

    MLflow finds the artifacts' store through the environment; in a notebook `%load_ext landfall.notebook` sets it.

    Args:
        settings: Where the registry is.
        name: The registered model, and the experiment. Both are made if they do not exist.
        model: A fitted PipelineModel of Spark ML, or a fitted estimator or pipeline of scikit-learn.
        rows: The data frame, of Spark or pandas, that it was fitted on: the model's inputs get the types of its columns.
        label: The column that was learnt.
        metrics: How good the model is.
        classes: The names of the classes 0, 1, 2, ..., which a deployment shows.
        tags: Further tags of the run and the version.

    Raises:
        ModelError: the model is of another kind, the rows lack one of its columns, or the registry or the artifacts' store
            failed. No version exists then.
    """
    fitted = _fitted(name, model)
    report = _report(name, fitted, rows, label, metrics or {})
    class_tags = {"landfall.classes": json.dumps(list(classes))} if classes else {}
    run = start_training(settings, name, {"landfall.reason": "logged by hand"})
    try:
        report = replace(report, model_sha256=fitted.save(settings, run))
        return register(settings, run, name, report, {**class_tags, **(tags or {})}, how="logged")
    except BaseException as error:
        fail(settings, run)
        if isinstance(error, LandfallError) or not isinstance(error, Exception):
            raise
        raise ModelError(
            f"The model could not be logged as a version of `{name}`.",
            looked=f"{run.artifacts}: {type(error).__name__}: {str(error).splitlines()[0][:300]}",
            left=LEFT,
            next="landfall ps    (in a notebook, %load_ext landfall.notebook before)",
        ) from error


class _Fitted(Protocol):
    """A fitted model, seen through its library."""

    library: Library
    columns: list[str]
    parameters: dict[str, Any]

    def save(self, settings: Settings, run: TrainingRun) -> str:
        """Writes the model to the run's artifacts. Gives the SHA-256 of a pickle; empty if the model is none."""


class _Spark:
    """A PipelineModel."""

    library: Library = "spark"
    reads = ("inputCol", "inputCols", "featuresCol")
    makes = ("outputCol", "outputCols", "predictionCol", "probabilityCol", "rawPredictionCol")

    def __init__(self, model: Any) -> None:
        self.model = model
        self.columns: list[str] = []
        outputs: set[str] = set()
        for stage in model.stages:
            self.columns += [
                column for column in _column_names(stage, self.reads) if column not in {*outputs, *self.columns}
            ]
            outputs |= set(_column_names(stage, self.makes))
        parameters = model.stages[-1].extractParamMap()
        self.parameters = {
            parameter.name: value for parameter, value in parameters.items() if not parameter.name.endswith("Col")
        }

    def save(self, settings: Settings, run: TrainingRun) -> str:
        """Saves with Spark's own writer, from the Spark server to the store."""
        self.model.write().overwrite().save(run.model_path)
        return ""


def _column_names(stage: Any, parameters: Sequence[str]) -> list[str]:
    """The columns that the given parameters of a stage name."""
    values = [
        stage.getOrDefault(parameter)
        for parameter in parameters
        if stage.hasParam(parameter) and stage.isDefined(parameter)
    ]
    return [name for value in values for name in ([value] if isinstance(value, str) else value)]


class _Sklearn:
    """An estimator or a pipeline that was fitted on a table of pandas, so that it knows the names of its columns."""

    library: Library = "scikit-learn"

    def __init__(self, model: Any) -> None:
        self.model = model
        self.columns = [str(column) for column in getattr(model, "feature_names_in_", ())]
        last = model.steps[-1][1] if hasattr(model, "steps") else model
        self.parameters = {key: value for key, value in last.get_params(deep=False).items() if value is not None}

    def save(self, settings: Settings, run: TrainingRun) -> str:
        """Saves a pickle. By its digest a deployment knows that this project wrote it."""
        import cloudpickle

        content: bytes = cloudpickle.dumps(self.model)
        with registry(settings, left=LEFT) as client, tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model.pkl")
            file.write_bytes(content)
            client.log_artifact(run.run_id, str(file), f"model/{FITTED}")
        return hashlib.sha256(content).hexdigest()


def _fitted(name: str, model: Any) -> _Fitted:
    kind = type(model)
    if kind.__module__.startswith("pyspark.ml") and kind.__name__ == "PipelineModel":
        return _Spark(model)
    if kind.__module__.startswith("sklearn.") and hasattr(model, "n_features_in_"):
        return _Sklearn(model)
    raise ModelError(
        f"`{kind.__name__}` cannot be logged as a version of `{name}`.",
        looked="expected a fitted PipelineModel of Spark ML, or a fitted estimator or pipeline of scikit-learn",
        left=LEFT,
        next="fit a Pipeline, with the VectorAssembler and the estimator as its stages",
    )


def _report(name: str, fitted: _Fitted, rows: Any, label: str, metrics: Mapping[str, float]) -> FittedReport:
    """What a training job would report about this model."""
    is_spark = isinstance(rows.dtypes, list)
    types = {str(key): str(kind) for key, kind in (rows.dtypes if is_spark else rows.dtypes.items())}
    missing = [column for column in fitted.columns if column not in types]
    if missing or not fitted.columns:
        raise ModelError(
            f"The model that is to become a version of `{name}` "
            + (f"needs `{missing[0]}`, which the rows lack." if fitted.columns else "does not name its columns."),
            looked=f"the columns of the rows: {', '.join(types)}",
            left=LEFT,
            next="give the data frame that it was fitted on" if fitted.columns else "fit it on a table of pandas",
        )
    return FittedReport(
        rows=rows.count() if is_spark else len(rows),
        parameters=fitted.parameters,
        metrics=dict(metrics),
        features=fitted.columns,
        types={column: _type(types[column]) for column in fitted.columns},
        label=label,
        library=fitted.library,
    )


def _type(kind: str) -> str:
    """A type of Spark or pandas as a type of MLflow's signature."""
    return "string" if kind in TEXTS else "long" if kind.lower().startswith(WHOLE) else "double"
