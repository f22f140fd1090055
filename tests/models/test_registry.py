"""The registry on real MLflow: first champion, promotion, and plain MLflow loading what Spark Connect saved."""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from landfall.errors import ModelError
from landfall.models.registry import (
    ModelVersion,
    champion_version,
    fail,
    find_version,
    register,
    registry,
    set_champion,
    start_training,
)
from landfall.pipelines.bike_demand import ACTUAL_HOURS
from landfall.samples.bike_demand import actual_hours
from landfall.spec import Settings
from landfall.spec.training_reports import TrainedReport

INPUTS = ["hr", "workingday", "temp", "hum"]
LOAD = """
import json, sys
import mlflow
import pandas
from pyspark.sql import SparkSession

uri, rows, folder = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
model = mlflow.spark.load_model(uri, dfs_tmpdir=folder)
scored = model.transform(spark.createDataFrame(pandas.DataFrame(rows)))
plain = mlflow.pyfunc.load_model(uri).predict(pandas.DataFrame(rows))
print(json.dumps({"spark": [row.prediction for row in scored.collect()], "pyfunc": [float(value) for value in plain]}))
"""


def hours() -> list[dict[str, float]]:
    """Three days of the sample: what the forest here learns from."""
    names = ACTUAL_HOURS.names
    days = [date(2012, 6, number) for number in (1, 2, 3)]
    rows = [dict(zip(names, row, strict=True)) for day in days for row in actual_hours(day)]
    return [{name: float(row[name]) for name in (*INPUTS, "cnt")} for row in rows]


def champion(settings: Settings, name: str) -> ModelVersion | None:
    """The version that MLflow's alias is on."""
    number = champion_version(settings, name)
    return find_version(settings, name, number) if number else None


@dataclass(frozen=True)
class Trained:
    """Two registered versions of one small model, and what Connect predicts with it for the first hours."""

    name: str
    first: ModelVersion
    second: ModelVersion
    champions: list[ModelVersion | None]
    asked: list[dict[str, float]]
    predicted: list[float]


@pytest.fixture(scope="module")
def settings(stack: Any) -> Iterator[Settings]:
    """The stack's settings, with its variables in the environment: MLflow reads S3's from there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.env.items():
            if name.startswith(("AWS_", "MLFLOW_", "LANDFALL_", "JAVA_HOME")):
                patch.setenv(name, value)
        yield stack.settings


@pytest.fixture(scope="module")
def trained(settings: Settings) -> Iterator[Trained]:
    """A forest fitted and saved on Spark Connect, registered twice; the champion noted after every step."""
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import RandomForestRegressor
    from pyspark.sql import SparkSession

    name = f"test_{uuid.uuid4().hex[:8]}"
    report = {
        "rows": 72,
        "parameters": {"trees": 3},
        "metrics": {"holdout_rmse": 1.5},
        "snapshot": {
            "table": "features.test",
            "version": 4,
            "first": "2012-06-01",
            "last": "2012-06-03",
            "days": 3,
            "partitions": "2012-06-01..2012-06-03",
            "judged_until": "2012-06-02",
        },
        "features": INPUTS,
        "types": dict.fromkeys(INPUTS, "double"),
        "label": "cnt",
        "prediction": "prediction",
        "library": "spark",
        "importances": dict.fromkeys(INPUTS, 0.25),
        "sample": [[16.0, 20.5], [40.0, 38.0]],
        "example": hours()[0],
        "reference": {"temp": {"edges": [0.5], "counts": [30, 42], "rows": 72}},
    }
    champions = [champion(settings, name)]
    runs = [start_training(settings, name, {"landfall.run_id": "test"}) for _ in range(2)]
    spark = SparkSession.builder.remote(settings.spark_remote).create()
    try:
        rows = spark.createDataFrame(hours())
        forest = RandomForestRegressor(featuresCol="features", labelCol="cnt", numTrees=3, maxDepth=4, seed=7)
        model = Pipeline(stages=[VectorAssembler(inputCols=INPUTS, outputCol="features"), forest]).fit(rows)
        for run in runs:
            model.write().overwrite().save(run.model_path)
            model.write().overwrite().save(run.judged_path)
        first = register(settings, runs[0], name, TrainedReport.of(report))
        champions.append(champion(settings, name))
        set_champion(settings, name, first.version)
        champions.append(champion(settings, name))
        second = register(settings, runs[1], name, TrainedReport.of(report))
        set_champion(settings, name, second.version)
        champions.append(champion(settings, name))
        asked = [{key: hour[key] for key in INPUTS} for hour in hours()[:24]]
        scored = PipelineModel.load(second.path).transform(spark.createDataFrame(asked)).select("prediction").collect()
        predicted = [row.prediction for row in scored]
        judged = (
            PipelineModel.load(second.judged).transform(spark.createDataFrame(asked)).select("prediction").collect()
        )
        assert [row.prediction for row in judged] == predicted
        assert json.loads(spark.read.text(second.reference, wholetext=True).collect()[0].value) == report["reference"]
        yield Trained(name, first, second, champions, asked, predicted)
    finally:
        spark.stop()
        with registry(settings) as client:
            client.delete_registered_model(name)


def test_a_training_is_named_by_how_far_it_learnt(settings: Settings, trained: Trained) -> None:
    with registry(settings) as client:
        assert client.get_run(trained.second.run_id).info.run_name == f"{trained.name} until 2012-06-03"


def test_there_is_no_champion_before_a_version_is_promoted(trained: Trained) -> None:
    assert trained.champions[:2] == [None, None]


def test_the_promoted_version_is_the_champion(trained: Trained) -> None:
    assert [each.version if each else None for each in trained.champions[2:]] == ["1", "2"]
    assert trained.champions[2:] == [trained.first, trained.second]
    assert (trained.first.version, trained.second.version) == ("1", "2")
    assert trained.first.path != trained.second.path


def test_promoting_the_earlier_version_again_goes_back(trained: Trained, settings: Settings) -> None:
    set_champion(settings, trained.name, "1")
    assert champion(settings, trained.name) == trained.first
    set_champion(settings, trained.name, "2")
    assert champion(settings, trained.name) == trained.second


def test_a_version_says_what_it_learnt_from(trained: Trained, settings: Settings) -> None:
    with registry(settings) as client:
        run = client.get_run(trained.second.run_id)
    snapshot = trained.second.snapshot
    assert snapshot is not None
    assert (snapshot.table, snapshot.version, str(snapshot.partitions)) == (
        "features.test",
        4,
        "2012-06-01..2012-06-03",
    )
    assert run.data.metrics == {"holdout_rmse": 1.5, "rows": 72.0}
    assert run.data.params == {"trees": "3"}
    assert run.data.tags["landfall.run_id"] == "test"
    assert run.info.status == "FINISHED"


def test_a_training_that_gave_no_model_is_closed_as_failed(trained: Trained, settings: Settings) -> None:
    run = start_training(settings, trained.name, {})
    fail(settings, run)
    with registry(settings) as client:
        assert client.get_run(run.run_id).info.status == "FAILED"
    assert champion(settings, trained.name) == trained.second


def test_plain_mlflow_loads_the_champion_in_a_classic_session(trained: Trained, stack: Any, tmp_path: Path) -> None:
    """Without Spark Connect, without Landfall: the artifacts come over S3, the numbers are the same."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "LANDFALL_", "AWS_"))}
    given = ("AWS_", "MLFLOW_", "JAVA_HOME")
    env = {**clean, **{name: value for name, value in stack.env.items() if name.startswith(given)}}
    env |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    arguments = [f"models:/{trained.name}@champion", json.dumps(trained.asked), str(tmp_path / "spark")]
    told = subprocess.run(
        [sys.executable, "-c", LOAD, *arguments],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    assert json.loads(told.stdout.splitlines()[-1]) == {"spark": trained.predicted, "pyfunc": trained.predicted}


def test_a_registry_that_is_away_is_said(stack: Any) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    away = replace(stack.settings, mlflow_tracking_uri=f"postgresql+psycopg2://mlflow:secret@127.0.0.1:{port}/mlflow")
    with pytest.raises(ModelError) as refused:
        champion(away, "bike_demand")
    assert str(refused.value) == (
        "The model registry does not answer.\n"
        f"  looked: 127.0.0.1:{port}/mlflow ([Errno 111] Connection refused)\n"
        "  left: the champion and what was published stay as they were\n"
        "  next: landfall ps"
    )
