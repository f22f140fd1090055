"""Saved pipelines read without Spark, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import spark_jobs.files
from landfall.errors import ModelError
from landfall.scoring.form import Linear, Model, Value
from landfall.scoring.scalars import Checked, InputColumn
from landfall.scoring.spark_form import read_spark


def write_stage(
    folder: Path, number: int, kind: str, given: dict[str, Any], data: dict[str, Any] | None = None
) -> None:
    """A stage as Spark's writer leaves it."""
    stage = folder / "stages" / f"{number}_{kind}_uid"
    (stage / "metadata").mkdir(parents=True)
    told = {"class": f"org.apache.spark.ml.{kind}", "paramMap": given, "defaultParamMap": {"handleInvalid": "error"}}
    (stage / "metadata" / "part-00000").write_text(json.dumps(told))
    if data is not None:
        (stage / "data").mkdir()
        pq.write_table(pa.Table.from_pylist([data]), stage / "data" / "part-0.parquet")


ASSEMBLER = {"inputCols": ["a", "b"], "outputCol": "features"}
LINEAR = {"intercept": 0.5, "coefficients": {"type": 0, "size": 2, "indices": [1], "values": [2.0]}}


def read(folder: Path) -> Model:
    return read_spark(f"file://{folder}", spark_jobs.files)


def test_a_saved_pipeline_is_read_without_spark(tmp_path):
    write_stage(tmp_path, 0, "feature.VectorAssembler", ASSEMBLER)
    write_stage(tmp_path, 1, "regression.LinearRegressionModel", {"featuresCol": "features"}, LINEAR)
    assert read(tmp_path) == Model(
        features=(Checked(input=InputColumn(name="a")), Checked(input=InputColumn(name="b"))),
        scorer=Linear(coefficients=((0.0, 2.0),), intercepts=(0.5,)),
        decision=Value(),
    )


def test_a_pipeline_within_a_pipeline_is_read_in_its_place(tmp_path):
    write_stage(tmp_path, 0, "PipelineModel", {})
    write_stage(tmp_path / "stages" / "0_PipelineModel_uid", 0, "feature.VectorAssembler", ASSEMBLER)
    write_stage(tmp_path, 1, "regression.LinearRegressionModel", {"featuresCol": "features"}, LINEAR)
    assert len(read(tmp_path).features) == 2


def test_a_stage_without_a_form_is_refused_with_those_that_have_one(tmp_path):
    write_stage(tmp_path, 0, "feature.NGram", {})
    write_stage(tmp_path, 1, "regression.LinearRegressionModel", {"featuresCol": "features"}, LINEAR)
    with pytest.raises(ModelError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "There is no form for the stage `NGram`.\n"
        "  looked: known: StringIndexerModel, Bucketizer, ImputerModel, OneHotEncoderModel, VectorAssembler, "
        "StandardScalerModel, MinMaxScalerModel, MaxAbsScalerModel, DecisionTreeRegressionModel, "
        "DecisionTreeClassificationModel, RandomForestRegressionModel, RandomForestClassificationModel, "
        "GBTRegressionModel, GBTClassificationModel, LinearRegressionModel, LogisticRegressionModel, KMeansModel, "
        "NaiveBayesModel\n"
        "  next: build the model of the stages that are known"
    )


def test_a_pipeline_that_does_not_end_in_a_model_is_refused(tmp_path):
    write_stage(tmp_path, 0, "feature.VectorAssembler", ASSEMBLER)
    with pytest.raises(ModelError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "The stage `VectorAssembler` is not before a model in the pipeline.\n"
        f"  looked: file://{tmp_path}/stages/0_feature.VectorAssembler_uid\n  left: nothing was compiled"
    )


def test_thresholds_have_no_form(tmp_path):
    given = {"featuresCol": "features", "thresholds": [0.2, 0.8]}
    write_stage(tmp_path, 0, "classification.LogisticRegressionModel", given, {})
    with pytest.raises(ModelError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "`LogisticRegressionModel` with `thresholds` = [0.2, 0.8] has no form in SQL.\n"
        f"  looked: file://{tmp_path}/stages/0_classification.LogisticRegressionModel_uid\n"
        "  left: nothing was compiled\n  next: fit it without `thresholds`"
    )


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        "There is no Spark model where one was expected.\n"
        f"  looked: file://{tmp_path}/stages\n  left: nothing was compiled\n  next: landfall models PIPELINE"
    )


def test_a_model_without_data_is_refused(tmp_path):
    write_stage(tmp_path, 0, "regression.LinearRegressionModel", {"featuresCol": "features"})
    with pytest.raises(ModelError) as caught:
        read(tmp_path)
    folder = f"file://{tmp_path}/stages/0_regression.LinearRegressionModel_uid/data"
    assert str(caught.value) == (
        f"The stage `LinearRegressionModel` has no data.\n  looked: {folder}\n  left: nothing was compiled"
    )
