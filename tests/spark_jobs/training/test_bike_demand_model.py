"""Training: the same snapshot and seed give the same model, and too little to learn from is said."""

from typing import Any

import pytest

from landfall.errors import ComputeError, ModelError

SEEN = "2012-06-01..2012-06-08"


@pytest.fixture(scope="module")
def learnt(actuals: Any) -> Any:
    """A corner with the features of eight days."""
    for number in range(1, 9):
        actuals.land(f"2012-06-{number:02}")
    report = actuals.run(SEEN)
    rows = {f"2012-06-{n:02}": len(actuals.rows_of(f"2012-06-{n:02}")) for n in range(1, 9)}
    days = {day: (count, 0) for day, count in rows.items()}
    assert report == {"rows": sum(rows.values()), "quarantined": 0, "partitions": days, "refused": []}
    return actuals


def train(corner: Any, name: str, *more: str) -> tuple[dict[str, Any], str]:
    """A tiny forest of the corner's features; its report, and where it is."""
    from spark_jobs.__main__ import run

    path = f"{corner.settings.lake}/{corner.name}/{name}"
    options = [
        "--features",
        f"{corner.features}/dt=",
        "--model",
        path,
        "--trees",
        "3",
        "--depth",
        "4",
        "--seed",
        "7",
    ]
    return run(["bike_demand_model", *options, *more, "--lake", corner.settings.lake], corner.spark), path


def predictions(corner: Any, path: str) -> list[tuple[Any, float]]:
    """What a saved model predicts for every hour it has seen."""
    from pyspark.ml import PipelineModel

    scored = PipelineModel.load(path).transform(corner.table("features")).select("time", "prediction")
    return sorted((row.time, row.prediction) for row in scored.collect())


def test_training_twice_on_one_snapshot_gives_the_same_numbers_bit_for_bit(learnt: Any) -> None:
    one, path = train(learnt, "one")
    other, again = train(learnt, "other")
    assert one == other
    assert predictions(learnt, path) == predictions(learnt, again)
    assert one["snapshot"] == {
        "table": learnt.features,
        "version": one["snapshot"]["version"],
        "first": "2012-06-01",
        "last": "2012-06-08",
        "days": 8,
    }
    assert one["parameters"] == {"trees": 3, "depth": 4, "seed": 7, "holdout_days": 1}
    assert one["rows"] == learnt.table("features").count()
    assert set(one["metrics"]) == {"holdout_rmse", "holdout_mae", "holdout_r2"}


def test_too_few_days_are_no_model(learnt: Any) -> None:
    with pytest.raises(ModelError) as refused:
        train(learnt, "few", "--until", "2012-06-03")
    told = refused.value
    assert told.looked.startswith(f"{learnt.features}, version ")
    assert str(told) == (
        f"`{learnt.features}` has 3 days of actuals; a model needs at least 7.\n"
        f"  looked: {told.looked}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: land more days: `landfall land bike_demand/actuals FILE.csv`, then `landfall train bike_demand`"
    )
    assert told.looked.endswith(", every day")


def test_features_that_were_never_made_are_named(learnt: Any) -> None:
    from spark_jobs.__main__ import run

    name, lake = f"{learnt.name}.nowhere", learnt.settings.lake
    argv = ["bike_demand_model", "--features", f"{name}/dt=", "--model", f"{lake}/{learnt.name}/none", "--lake", lake]
    with pytest.raises(ComputeError) as refused:
        run(argv, learnt.spark)
    assert str(refused.value) == (
        f"The table `{name}` does not exist.\n"
        f"  looked: {lake}/{learnt.name}/nowhere\n"
        "  left: nothing was written\n"
        "  next: land its files and run the DAG that makes it"
    )
