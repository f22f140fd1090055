"""Challenger and champion on the same window: metrics, slices, range, time, and what cannot be compared."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from landfall.errors import ComputeError, ModelError, SpecError
from landfall.spec import Job, Learner
from landfall.spec.saved_model import SavedModel

WINDOW = "2012-06-09..2012-06-10"


@pytest.fixture(scope="module")
def rides(learning: Any) -> str:
    """Ten days, of which two judge; with two models: a forest of Spark and a tree of scikit-learn."""
    table = str(learning.write("rides", learning.hours(10)))
    learning.train(table, "forest")
    learning.train(table, "tree", learning.by("decision_tree", library="scikit-learn", parameters={"max_depth": 2}))
    learning.train(table, "class", learning.by("decision_tree", "classification", parameters={"maxDepth": 2}))
    return table


def judge(
    learning: Any, table: str, learner: Learner, challenger: str, days: str = WINDOW, **more: str
) -> dict[str, Any]:
    """The job's report."""
    from spark_jobs.__main__ import run

    job = Job(name="judge_models", arguments={"features": f"{table}/dt={days}", "learner": learner.to_json()})
    argv = job.argv(partition="", challenger=learning.folder(challenger), lake=learning.settings.lake, **more)
    return run(argv, learning.spark)


def test_both_are_measured_on_the_same_rows(learning: Any, rides: str) -> None:
    from pyspark.ml import PipelineModel

    learner = learning.by("random_forest")
    tree = f"{learning.folder('tree_judged')}#scikit-learn#{learning.digest('tree_judged')}"
    told = judge(learning, rides, learner, "forest_judged", champion=tree, slices="workingday,sky", at_version="0")
    assert (told["days"], told["rows"]) == (WINDOW, 48)
    challenger, champion = told["challenger"], told["champion"]
    window = learning.table("rides").where("dt > DATE '2012-06-08'")
    scored = PipelineModel.load(learning.folder("forest_judged")).transform(window).toPandas()
    off = scored.prediction - scored.cnt
    assert challenger["metrics"]["rmse"] == pytest.approx(float(np.sqrt((off**2).mean())))
    assert (challenger["lowest"], challenger["highest"]) == (scored.prediction.min(), scored.prediction.max())
    assert set(challenger["slices"]) == {"workingday=0", "sky=clear", "sky=mist", "sky=rain"}
    for sky in ("clear", "mist", "rain"):
        part = off[scored.sky == sky]
        found = challenger["slices"][f"sky={sky}"]
        assert found["rows"] == len(part)
        assert found["rmse"] == pytest.approx(float(np.sqrt((part**2).mean())))
        assert found["mae"] == pytest.approx(float(abs(part).mean()))
    assert champion["metrics"]["rmse"] > 0
    assert {name: each["rows"] for name, each in champion["slices"].items()} == {
        name: each["rows"] for name, each in challenger["slices"].items()
    }
    assert champion["milliseconds"] > 0
    assert challenger["milliseconds"] > 0
    assert (challenger["error"], champion["error"]) == ("", "")


def test_without_a_champion_the_challenger_is_alone(learning: Any, rides: str) -> None:
    learner = learning.by("decision_tree", "classification")
    told = judge(learning, rides, learner, "class_judged", slices="sky")
    assert told["champion"] is None
    assert set(told["challenger"]["metrics"]) == {"accuracy", "f1"}
    rows = sum(each["rows"] for each in told["challenger"]["slices"].values())
    right = sum(each["rows"] * each["accuracy"] for each in told["challenger"]["slices"].values())
    assert told["challenger"]["metrics"]["accuracy"] == pytest.approx(right / rows)


@pytest.mark.parametrize(("library", "parameters"), [("spark", {"k": 2}), ("scikit-learn", {"n_clusters": 2})])
def test_clusters_are_judged_by_their_silhouette(
    learning: Any, rides: str, library: str, parameters: dict[str, Any]
) -> None:
    learner = learning.by("k_means", "clustering", library=library, parameters=parameters, scaling="standard")
    name = f"clusters_{library}_judged"
    learning.train(rides, f"clusters_{library}", learner)
    told = judge(learning, rides, learner, f"{name}#{library}#{learning.digest(name)}")["challenger"]
    assert 0.2 < told["metrics"]["silhouette"] < 1
    assert (told["lowest"], told["highest"], told["slices"]) == (0.0, 1.0, {})


def test_a_champion_that_was_trained_on_other_columns_is_reported_as_such(learning: Any, rides: str) -> None:
    other = learning.write("without", learning.hours(10).drop("temp"))
    tree = learning.by("decision_tree", features=("hr", "workingday"))
    learning.train(other, "without", tree)
    forest = learning.folder("forest_judged")
    told = judge(
        learning, other, tree, "without_judged", champion=forest, champion_learner=learning.by("linear").to_json()
    )
    assert told["champion"] == {
        "metrics": {},
        "slices": {},
        "lowest": None,
        "highest": None,
        "milliseconds": None,
        "error": "The model was trained on `temp`, which the features lack.",
    }
    assert told["challenger"]["error"] == ""
    with pytest.raises(ModelError) as refused:
        judge(learning, other, learning.by("random_forest"), "forest_judged")
    columns = ", ".join(sorted(learning.table("without").columns))
    assert str(refused.value) == (
        "The model was trained on `temp`, which the features lack.\n"
        f"  looked: {forest}; the features have {columns}\n"
        "  left: nothing was staged, what was published stays\n"
        "  next: add the column to the features, or train again: landfall train PIPELINE"
    )


@pytest.mark.parametrize("asked", [{"slices": "weather"}, {"label": "count"}])
def test_a_column_to_judge_by_that_is_not_there_is_named(learning: Any, rides: str, asked: dict[str, str]) -> None:
    learner = replace(learning.by("random_forest"), label=asked.get("label", "cnt"))
    with pytest.raises(ModelError) as refused:
        judge(learning, rides, learner, "forest_judged", slices=asked.get("slices", ""), at_version="0")
    columns = ", ".join(sorted(learning.table("rides").columns))
    assert str(refused.value) == (
        f"The features have no column `{asked.get('slices') or asked['label']}` to judge by.\n"
        f"  looked: {rides}, version 0, {WINDOW}; they have {columns}\n"
        "  left: nothing was promoted, the champion stays\n"
        "  next: mend Gate.slices or Learner.label, or add the column to the features"
    )


def test_a_window_without_rows_is_refused(learning: Any, rides: str) -> None:
    with pytest.raises(ModelError) as refused:
        judge(learning, rides, learning.by("random_forest"), "forest_judged", "2013-01-01", at_version="0")
    assert str(refused.value) == (
        "There are no rows to judge models on.\n"
        f"  looked: {rides}, version 0, 2013-01-01\n"
        "  left: nothing was promoted, the champion stays"
    )


def test_a_champion_whose_pickle_landfall_did_not_write_is_not_loaded_and_reported(learning: Any, rides: str) -> None:
    tree = f"{learning.folder('tree_judged')}#scikit-learn"
    told = judge(learning, rides, learning.by("random_forest"), "forest_judged", champion=tree, at_version="0")
    assert told["champion"]["error"] == "The pickle of a model is not the one that Landfall wrote; it was not loaded."
    with pytest.raises(ModelError, match=r"^The pickle of a model is not the one that Landfall wrote"):
        judge(learning, rides, learning.by("random_forest"), "tree_judged#scikit-learn", at_version="0")


def test_a_model_is_written_as_its_folder_and_its_library() -> None:
    assert SavedModel.parse("s3a://lake/model") == SavedModel("s3a://lake/model", "spark")
    assert SavedModel.parse("s3a://lake/model#scikit-learn") == SavedModel("s3a://lake/model", "scikit-learn")
    assert SavedModel.parse("s3a://lake/model#scikit-learn#0a1b") == SavedModel(
        "s3a://lake/model", "scikit-learn", "0a1b"
    )
    with pytest.raises((ComputeError, SpecError)) as refused:
        SavedModel.parse("s3a://lake/model#sklearn")
    assert str(refused.value) == (
        "There is no library `sklearn`. Did you mean `scikit-learn`?\n  looked: known: spark, scikit-learn"
    )
