"""A model that a person has fitted becomes a version that plain MLflow loads and that can be deployed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from landfall.deployments.registered import find_registered
from landfall.errors import ModelError
from landfall.models.log_model import log_model
from landfall.models.registry import champion_version, registry, versions

ROWS = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "width": [4, 3, 2, 1], "kind": [0, 0, 1, 1]})


def fitted() -> Any:
    return make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=3)).fit(ROWS[["size", "width"]], ROWS.kind)


@pytest.mark.stack
def test_a_model_of_scikit_learn_is_a_version_that_says_what_it_is(local_settings, name, plain_mlflow):
    import mlflow

    made = log_model(
        local_settings, name, fitted(), ROWS, label="kind", metrics={"accuracy": 1.0}, classes=["no", "yes"],
        tags={"team": "flowers"},
    )  # fmt: skip

    assert (made.name, made.version, made.library, made.classes) == (name, "1", "scikit-learn", ("no", "yes"))
    assert made.metrics == {"accuracy": 1.0, "rows": 4.0}
    run = mlflow.get_run(made.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["max_depth"] == "3"
    assert (run.data.tags["team"], run.data.tags["landfall.reason"]) == ("flowers", "logged by hand")
    file = Path(made.path.removeprefix("file://")) / "model.pkl"
    assert made.tags["landfall.model_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/1")
    assert loaded.predict(ROWS[["size", "width"]]).tolist() == [0, 0, 1, 1]
    assert loaded.metadata.signature.inputs.to_dict()[1] == {"name": "width", "type": "long", "required": True}
    assert champion_version(local_settings, name) is None


@pytest.mark.stack
def test_its_pickle_is_taken_for_our_own(local_settings, name):
    log_model(local_settings, name, fitted(), ROWS)

    found = find_registered(local_settings, name)
    assert [each.name for each in found.form.inputs] == ["size", "width"]


@pytest.mark.stack
def test_a_store_that_refuses_leaves_no_version_and_closes_the_run(local_settings, name, monkeypatch):
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def refuse(*_: object) -> None:
        raise ValueError("no keys\nat all")

    monkeypatch.setattr(MlflowClient, "log_artifact", refuse)
    with pytest.raises(ModelError) as caught:
        log_model(local_settings, name, fitted(), ROWS)
    assert caught.value.what == f"The model could not be logged as a version of `{name}`."
    assert caught.value.looked.endswith(": ValueError: no keys")
    assert versions(local_settings, name) == []
    with registry(local_settings) as client:
        experiment = client.get_experiment_by_name(name).experiment_id
        assert [run.info.status for run in client.search_runs([experiment])] == ["FAILED"]

    def fail_as_mlflow(*_: object) -> None:
        raise MlflowException("no such bucket")

    monkeypatch.setattr(MlflowClient, "log_artifact", fail_as_mlflow)
    with pytest.raises(ModelError, match="The model registry failed: no such bucket"):
        log_model(local_settings, name, fitted(), ROWS)


@pytest.mark.parametrize(
    ("model", "rows", "said"),
    [
        (object(), ROWS, "`object` cannot be logged as a version of `flowers`."),
        (DecisionTreeClassifier(), ROWS, "`DecisionTreeClassifier` cannot be logged as a version of `flowers`."),
        (
            fitted(),
            ROWS[["size"]],
            "The model that is to become a version of `flowers` needs `width`, which the rows lack.",
        ),
        (
            DecisionTreeClassifier().fit(ROWS.to_numpy(), ROWS.kind),
            ROWS,
            "The model that is to become a version of `flowers` does not name its columns.",
        ),
    ],
)
def test_what_cannot_become_a_version_is_refused_before_a_run_is_made(model, rows, said):
    with pytest.raises(ModelError) as caught:
        log_model(None, "flowers", model, rows)  # type: ignore[arg-type]
    assert caught.value.what == said
    assert caught.value.left == "no version was registered"


@pytest.fixture
def store(stack: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Any]:
    """The stack's settings, with what MLflow looks for in the environment; the model is deleted afterwards."""
    for variable, value in stack.env.items():
        if variable.startswith(("AWS_", "MLFLOW_")):
            monkeypatch.setenv(variable, value)
    yield stack.settings
    with registry(stack.settings) as client:
        client.delete_registered_model(name)


def test_a_pipeline_of_spark_is_logged_through_spark_connect(store, name):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import StringIndexer, VectorAssembler
    from pyspark.ml.regression import DecisionTreeRegressor
    from pyspark.sql import SparkSession

    from landfall.compute.local.warm import SMALL

    session = SparkSession.builder.remote(store.spark_remote).create()
    try:
        for option, value in SMALL.items():
            session.conf.set(option, value)
        rows = session.createDataFrame(
            [(1.0, "a", 2.0), (2.0, "b", 5.0), (3.0, "b", 7.0)], "x double, c string, y double"
        )
        stages = [
            StringIndexer(inputCol="c", outputCol="n"),
            VectorAssembler(inputCols=["x", "n"], outputCol="features"),
            DecisionTreeRegressor(labelCol="y", maxDepth=2),
        ]
        made = log_model(store, name, Pipeline(stages=stages).fit(rows), rows, label="y")
    finally:
        session.stop()

    assert (made.version, made.library, made.metrics) == ("1", "spark", {"rows": 3.0})
    found = find_registered(store, name, run_id=made.run_id)
    assert [(each.name, each.kind) for each in found.form.inputs] == [("x", "number"), ("c", "text")]
    with registry(store) as client:
        params = client.get_run(made.run_id).data.params
    assert params["maxDepth"] == "2"
    assert not [key for key in params if key.endswith("Col")]
