"""Scoring by a saved model: the fast way is the slow way bit for bit, and what cannot be scored is said."""

import hashlib
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec import Learner, OneHot, Quantiles, StringIndex
from spark_jobs.files import read_file, write_file
from spark_jobs.saved import inputs_of, read_stages
from spark_jobs.scoring.forest import read_forest
from spark_jobs.scoring.predict import predict
from spark_jobs.scoring.predictions import predictions

STAGES = (
    StringIndex(column="sky", output="sky_number"),
    OneHot(column="sky_number", output="sky_vector"),
    Quantiles(column="temp", output="temp_bucket", buckets=4),
)


def staged(learning: Any) -> Learner:
    """A tree with stages, one of them on text."""
    declared: Learner = learning.by("decision_tree", parameters={"maxDepth": 4})
    return replace(declared, features=("sky_vector", "temp_bucket", "hr"), stages=STAGES)


@pytest.fixture(scope="module")
def rides(learning: Any) -> Any:
    """A table of ten days; a forest, a pipeline with stages and a model of scikit-learn trained on it."""
    table = str(learning.write("rides", learning.hours(10)))
    learning.train(table, "forest")
    learning.train(table, "staged", staged(learning))
    learning.train(
        table, "sklearn", learning.by("random_forest", library="scikit-learn", parameters={"n_estimators": 4})
    )
    return learning.table("rides")


def by_time(scored: Any) -> list[tuple[Any, float]]:
    return sorted((row.time, row.prediction) for row in scored.select("time", "prediction").collect())


@pytest.mark.parametrize("name", ["forest", "staged"])
def test_predictions_are_those_of_the_pipeline_itself_bit_for_bit(learning: Any, rides: Any, name: str) -> None:
    from pyspark.ml import PipelineModel

    numbers = [F.col(each).cast("double").alias(each) for each in ("hr", "temp", "workingday")]
    loaded = PipelineModel.load(learning.folder(name)).transform(rides.select("time", "sky", *numbers))
    assert by_time(predict(rides, learning.folder(name), "spark", ["time"])) == by_time(loaded)


def test_a_forest_is_walked_and_a_pipeline_with_stages_is_not(learning: Any, rides: Any) -> None:
    for name, kind, inputs in (
        ("forest", "RandomForestRegressionModel", ("hr", "temp", "workingday")),
        ("staged", "DecisionTreeRegressionModel", ("sky", "temp", "hr")),
    ):
        stages = read_stages(learning.folder(name))
        assert stages[-1].kind == kind
        assert inputs_of(stages) == inputs
        assert (read_forest(learning.folder(name), stages) is None) == (name == "staged")


def test_predictions_of_scikit_learn_are_those_of_the_model_itself(learning: Any, rides: Any) -> None:
    model = pickle.loads(read_file(f"{learning.folder('sklearn')}/model.pkl"))
    table = rides.toPandas()
    own = sorted(zip(table.time, model.predict(table).tolist(), strict=True))
    scored = by_time(
        predict(rides, learning.folder("sklearn"), "scikit-learn", ["time"], sha256=learning.digest("sklearn"))
    )
    assert [value for _, value in scored] == [value for _, value in own]


class Trap:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("expected", ["", "0" * 64])
def test_a_pickle_that_landfall_did_not_write_is_not_loaded(
    learning: Any, rides: Any, tmp_path: Path, expected: str
) -> None:
    folder, content = learning.folder("strange"), pickle.dumps(Trap(tmp_path / "sprung"))
    write_file(f"{folder}/model.pkl", content)
    with pytest.raises(ModelError) as refused:
        predict(rides, folder, "scikit-learn", ["time"], sha256=expected)
    assert str(refused.value) == (
        "The pickle of a model is not the one that Landfall wrote; it was not loaded.\n"
        f"  looked: {folder}: its SHA-256 is {hashlib.sha256(content).hexdigest()[:16]}..., expected "
        f"{'0000000000000000...' if expected else 'one by an option'}\n"
        "  left: nothing was staged or promoted, what was published stays\n"
        "  next: landfall models PIPELINE    (and train again: landfall train PIPELINE)"
    )
    assert not (tmp_path / "sprung").exists()


def test_a_saved_model_of_scikit_learn_names_nothing_of_this_project(learning: Any, rides: Any) -> None:
    content = read_file(f"{learning.folder('sklearn')}/model.pkl")
    assert b"spark_jobs" not in content
    assert b"landfall" not in content


@pytest.mark.parametrize(("name", "library"), [("forest", "spark"), ("staged", "spark"), ("sklearn", "scikit-learn")])
def test_a_kept_column_may_be_one_that_the_model_sees(learning: Any, rides: Any, name: str, library: str) -> None:
    scored = predict(rides, learning.folder(name), library, ["hr", "sky", "time"], sha256=learning.digest(name))
    assert scored.columns == ["hr", "sky", "time", "prediction"]
    assert dict(scored.dtypes) == {"hr": "int", "sky": "string", "time": "timestamp", "prediction": "double"}
    kept = sorted((row.time, row.hr, row.sky) for row in scored.collect())
    assert kept == sorted((row.time, row.hr, row.sky) for row in rides.collect())


@pytest.mark.parametrize(("name", "library"), [("forest", "spark"), ("staged", "spark"), ("sklearn", "scikit-learn")])
def test_columns_that_the_features_lack_are_named(learning: Any, rides: Any, name: str, library: str) -> None:
    folder = learning.folder(name)
    with pytest.raises(ModelError) as refused:
        predict(
            rides.select("time", "sky", "workingday", "hr"), folder, library, ["time"], sha256=learning.digest(name)
        )
    assert str(refused.value) == (
        "The model was trained on `temp`, which the features lack.\n"
        f"  looked: {folder}; the features have hr, sky, time, workingday\n"
        "  left: nothing was staged, what was published stays\n"
        "  next: add the column to the features, or train again: landfall train PIPELINE"
    )


@pytest.mark.parametrize(("name", "library"), [("forest", "spark"), ("staged", "spark")])
def test_a_row_without_a_value_gets_no_made_up_prediction(learning: Any, rides: Any, name: str, library: str) -> None:
    gappy = rides.withColumn("hr", F.expr("IF(hr = 3, NULL, hr)"))
    with pytest.raises(PySparkException):
        predict(gappy, learning.folder(name), library, ["time"]).collect()


def test_a_text_that_training_never_saw_is_scored(learning: Any, rides: Any) -> None:
    scored = predict(rides.withColumn("sky", F.lit("hail")), learning.folder("staged"), "spark", ["time"])
    assert scored.where("prediction IS NULL").count() == 0


def test_a_folder_without_a_model_is_said(learning: Any, rides: Any) -> None:
    folder = learning.folder("nothing")
    with pytest.raises(Exception, match=r"could not be listed|no Spark model") as refused:
        predict(rides, folder, "spark", ["time"])
    assert folder in str(refused.value)


def test_predictions_of_bike_demand_have_their_columns(learning: Any, rides: Any) -> None:
    hours = rides.selectExpr("'Washington' AS city", "'D.C.' AS state", "*")
    key, model = ["city", "state", "time"], learning.folder("forest")
    scored = predictions(hours, key, "predicted", model=model, library="spark", version="7")
    assert dict(scored.dtypes) == {
        "city": "string",
        "state": "string",
        "time": "timestamp",
        "partition": "date",
        "predicted": "double",
        "model_version": "string",
    }
    first = scored.orderBy("time").limit(1).collect()[0]
    assert (str(first.partition), first.model_version) == ("2012-06-01", "7")
