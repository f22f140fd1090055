"""Training: one snapshot and seed give one model, and nothing is learnt that the snapshot does not hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from landfall.errors import ComputeError, ModelError
from spark_jobs.saved import read_stages
from spark_jobs.scoring.forest import read_forest

DAYS = 15
"""Of which the newest three are held out."""
ARRAYS = ("roots", "feature", "threshold", "left", "right", "value")


@pytest.fixture(scope="module")
def rides(learning: Any) -> str:
    """A table of fifteen days."""
    return str(learning.write("rides", learning.hours(DAYS)))


@pytest.fixture(scope="module")
def report(learning: Any, rides: str) -> dict[str, Any]:
    """What training `first` on it reported."""
    told: dict[str, Any] = learning.train(rides, "first")
    return told


def forest(learning: Any, name: str) -> dict[str, Any]:
    """Every number of a saved forest."""
    folder = learning.folder(name)
    found = read_forest(folder, read_stages(folder))
    assert found is not None
    return {array: getattr(found, array) for array in ARRAYS}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """True if two forests are equal bit for bit."""
    return all(np.array_equal(one[array], other[array]) for array in ARRAYS)


def test_the_report_says_what_was_learnt_and_how(learning: Any, rides: str, report: dict[str, Any]) -> None:
    told = {
        name: value for name, value in report.items() if name not in ("metrics", "importances", "sample", "reference")
    }
    assert told == {
        "rows": DAYS * 24,
        "snapshot": {
            "table": rides,
            "version": 0,
            "first": "2012-06-01",
            "last": "2012-06-15",
            "days": DAYS,
            "partitions": "2012-06-01..2012-06-15",
            "judged_until": "2012-06-12",
        },
        "parameters": {
            "numTrees": 3,
            "maxDepth": 4,
            "estimator": "random_forest",
            "library": "spark",
            "seed": 7,
            "holdout": 3,
        },
        "features": ["hr", "temp", "workingday"],
        "types": {"hr": "double", "temp": "double", "workingday": "double"},
        "label": "cnt",
        "prediction": "prediction",
        "library": "spark",
        "model_sha256": "",
        "judged_model_sha256": "",
        "tried": [],
        "example": report["example"],
    }
    assert set(report["example"]) == {"hr", "temp", "workingday"}
    assert set(report["metrics"]) == {"holdout_rmse", "holdout_mae", "holdout_r2"}
    assert sum(report["importances"].values()) == pytest.approx(1)
    assert {name: each["rows"] for name, each in report["reference"].items()} == dict.fromkeys(report["types"], 360)


def test_the_metrics_are_those_of_the_judged_model_on_the_held_out_rows(
    learning: Any, rides: str, report: dict[str, Any]
) -> None:
    from pyspark.ml import PipelineModel

    held = learning.table("rides").where("dt > DATE '2012-06-12'")
    scored = PipelineModel.load(learning.folder("first_judged")).transform(held).select("cnt", "prediction").collect()
    off = np.array([row.prediction - row.cnt for row in scored])
    assert report["metrics"]["holdout_rmse"] == pytest.approx(float((off**2).mean() ** 0.5))
    assert report["metrics"]["holdout_mae"] == pytest.approx(float(abs(off).mean()))
    assert sorted(report["sample"]) == sorted([row.cnt, row.prediction] for row in scored)


def test_training_again_gives_the_same_models_bit_for_bit_however_the_rows_are_stored(
    learning: Any, report: dict[str, Any]
) -> None:
    shuffled = learning.write("shuffled", learning.hours(DAYS).orderBy(F.rand(3)), files=3)
    again = learning.train(shuffled, "again")
    assert again.pop("snapshot") == {**report["snapshot"], "table": shuffled}
    assert again == {name: value for name, value in report.items() if name != "snapshot"}
    for name in ("", "_judged"):
        assert same(forest(learning, f"first{name}"), forest(learning, f"again{name}"))


def test_another_seed_gives_another_model(learning: Any, rides: str, report: dict[str, Any]) -> None:
    from landfall.spec import Learner

    seeded: Learner = replace(learning.by("random_forest", parameters={"numTrees": 3, "maxDepth": 4}), seed=8)
    told = learning.train(rides, "seeded", seeded)
    assert told["parameters"]["seed"] == 8
    assert not same(forest(learning, "first"), forest(learning, "seeded"))


def test_rows_after_until_are_not_learnt_from(learning: Any, rides: str) -> None:
    until = learning.train(rides, "until", until="2012-06-10")
    older = learning.write("older", learning.hours(10))
    assert until["snapshot"]["last"] == "2012-06-10"
    assert until["rows"] == 240
    learning.train(older, "older")
    for name in ("", "_judged"):
        assert same(forest(learning, f"until{name}"), forest(learning, f"older{name}"))


def test_a_partition_that_is_named_but_later_than_until_is_not_learnt_from(learning: Any, rides: str) -> None:
    told = learning.train(rides, "named", days="2012-06-02..2012-06-14", until="2012-06-10")
    assert told["snapshot"]["partitions"] == "2012-06-02..2012-06-10"


def test_the_judged_model_has_learnt_nothing_of_the_held_out_days(learning: Any, report: dict[str, Any]) -> None:
    cheated = learning.hours(DAYS).withColumn("cnt", F.expr("IF(dt > DATE '2012-06-12', cnt * 100, cnt)"))
    learning.train(learning.write("cheated", cheated), "cheated")
    assert same(forest(learning, "first_judged"), forest(learning, "cheated_judged"))
    assert not same(forest(learning, "first"), forest(learning, "cheated"))


def test_a_pinned_version_is_learnt_from_as_it_was(learning: Any, report: dict[str, Any]) -> None:
    table = learning.write("changed", learning.hours(DAYS))
    learning.write("changed", learning.hours(DAYS).withColumn("cnt", F.col("cnt") + 1))
    told = learning.train(table, "pinned", at_version="0")
    assert told["snapshot"] == {**report["snapshot"], "table": table}
    assert same(forest(learning, "first"), forest(learning, "pinned"))


def test_a_row_that_says_it_is_later_than_its_partition_is_refused(learning: Any) -> None:
    late = F.expr("IF(dt = DATE '2012-06-05' AND hr = 0, time + INTERVAL 30 DAYS, time)")
    table = learning.write("ahead", learning.hours(10).withColumn("time", late))
    with pytest.raises(ModelError) as refused:
        learning.train(table, "ahead", until="2012-06-09")
    assert str(refused.value) == (
        "Partition 2012-06-05 has a row of a later time (column `time`).\n"
        f"  looked: {table}, version 0, every day, up to 2012-06-09\n"
        "  left: no model was registered, the champion stays\n"
        "  next: mend the features, or leave those days out with --until"
    )


def test_the_best_point_of_a_grid_is_taken_without_a_look_at_the_held_out_days(learning: Any, rides: str) -> None:
    tree = learning.by("decision_tree", parameters={"maxBins": 32}, grid={"maxDepth": (1, 4)})
    told = learning.train(rides, "grid", tree)
    cheated = learning.hours(DAYS).withColumn("cnt", F.expr("IF(dt > DATE '2012-06-12', 0 - cnt, cnt)"))
    other = learning.train(learning.write("grid_cheated", cheated), "grid_cheated", tree)
    assert [each["parameters"] for each in told["tried"]] == [{"maxBins": 32, "maxDepth": depth} for depth in (1, 4)]
    assert told["tried"][0]["metric"] > told["tried"][1]["metric"] > 0
    assert told["parameters"]["maxDepth"] == 4
    assert told["tried"] == other["tried"]
    assert told["metrics"] != other["metrics"]


def test_a_version_that_there_never_was_is_named(learning: Any, rides: str) -> None:
    with pytest.raises(ModelError) as refused:
        learning.train(rides, "none", at_version="99")
    told = refused.value
    assert told.looked.startswith("its newest version is 0; ")
    assert str(told) == (
        f"`{rides}` has no version 99.\n"
        f"  looked: {told.looked}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: train at another version (--at-version), or at the newest"
    )


def test_features_that_were_never_made_are_named(learning: Any) -> None:
    with pytest.raises(ComputeError) as refused:
        learning.train(f"{learning.name}.nowhere", "none")
    assert str(refused.value) == (
        f"The table `{learning.name}.nowhere` does not exist.\n"
        f"  looked: {learning.settings.lake}/{learning.name}/nowhere\n"
        "  left: nothing was written\n"
        "  next: land its files and run the DAG that makes it"
    )
