"""Every estimator in both libraries, and every feature stage in both giving the same features."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from landfall.spec import Buckets, Learner, OneHot, Quantiles, Scale, StringIndex
from spark_jobs.saved import ASSEMBLED
from spark_jobs.training.rows import Origin, check_columns, ordered, typed
from spark_jobs.training.sklearn_learner import SklearnLearner
from spark_jobs.training.spark_learner import SparkLearner

ESTIMATORS: list[tuple[str, str, dict[str, Any], dict[str, Any], float]] = [
    ("random_forest", "regression", {"numTrees": 3, "maxDepth": 4}, {"n_estimators": 3, "max_depth": 4}, 0.25),
    ("gradient_boosted_trees", "regression", {"maxIter": 3}, {"n_estimators": 20}, 0.9),
    ("decision_tree", "regression", {"maxDepth": 5}, {"max_depth": 5}, 0.9),
    ("linear", "regression", {"regParam": 0.01}, {"fit_intercept": True}, 0.9),
    ("random_forest", "classification", {"numTrees": 3}, {"n_estimators": 3}, 0.85),
    ("gradient_boosted_trees", "classification", {"maxIter": 2}, {"n_estimators": 5}, 0.9),
    ("decision_tree", "classification", {"maxDepth": 3}, {"max_depth": 3}, 0.9),
    ("logistic", "classification", {"maxIter": 20}, {"max_iter": 200}, 0.9),
    ("k_means", "clustering", {"k": 3}, {"n_clusters": 3}, 0.3),
]
DECISIVE = {"regression": "r2", "classification": "f1", "clustering": "silhouette"}
STAGED = Learner(
    features=("sky_number", "sky_vector", "temp_bucket", "part_of_day", "weather", "hr"),
    estimator=Learner.from_json(
        '{"features":["hr"],"label":"cnt","stages":[],"estimator":'
        '{"kind":"decision_tree","task":"regression","parameters":{},"grid":{},"library":"spark"}}'
    ).estimator,
    label="cnt",
    stages=(
        StringIndex(column="sky", output="sky_number"),
        OneHot(column="sky_number", output="sky_vector"),
        Quantiles(column="temp", output="temp_bucket", buckets=4),
        Buckets(column="hr", output="part_of_day", splits=(6.0, 12.0)),
        Scale(columns=("temp", "part_of_day"), output="weather", method="min_max"),
    ),
)
ASKED = ("sky", "temp", "hr")
WIDTH = 10
"""Of the features: the vector has one number for each of three texts and one for others, `weather` has two."""


@pytest.fixture(scope="module")
def hours(learning: Any) -> Iterator[Any]:
    """Twelve days of rows as a snapshot has them."""
    learner = replace(STAGED, features=("sky_number", "temp", "hr", "workingday", "busy"))
    rows = learning.hours(12)
    types = check_columns(rows, learner, Origin(place=""), time="time")
    made = ordered(typed(rows, learner, types, keep=("dt", "time")), "time").persist()
    yield made
    made.unpersist()


@pytest.mark.parametrize("library", ["spark", "scikit-learn"])
@pytest.mark.parametrize(("kind", "task", "of_spark", "of_sklearn", "good"), ESTIMATORS)
def test_an_estimator_learns(
    learning: Any,
    hours: Any,
    library: str,
    kind: str,
    task: str,
    of_spark: dict[str, Any],
    of_sklearn: dict[str, Any],
    good: float,
) -> None:
    parameters = of_spark if library == "spark" else of_sklearn
    declared = learning.by(kind, task, library=library, parameters=parameters, scaling="standard")
    fitting = SparkLearner(declared) if library == "spark" else SklearnLearner(declared)
    fitting.check()
    model = fitting.fit(hours, parameters)
    assert fitting.measure(model, hours)[DECISIVE[task]] > good
    sample = fitting.sample(model, hours.limit(5))
    assert len(sample) == (0 if task == "clustering" else 5)
    importances = fitting.importances(model)
    if "tree" in kind or "forest" in kind:
        assert set(importances) == set(declared.features)
        assert max(importances, key=lambda name: importances[name]) == "hr"
    else:
        assert importances == {}


@pytest.mark.parametrize(("kind", "task", "of_spark", "of_sklearn", "good"), ESTIMATORS)
def test_scikit_learn_gives_the_same_model_again(
    learning: Any,
    hours: Any,
    kind: str,
    task: str,
    of_spark: dict[str, Any],
    of_sklearn: dict[str, Any],
    good: float,
) -> None:
    declared = learning.by(kind, task, library="scikit-learn", parameters=of_sklearn)
    fitting = SklearnLearner(declared)
    told = [fitting.measure(fitting.fit(hours, of_sklearn), hours) for _ in range(2)]
    assert told[0] == told[1]


def features(model: Any, rows: Any) -> "np.typing.NDArray[np.float64]":
    """What Spark's estimator sees of `rows`, by time."""
    seen = model.transform(rows).orderBy("time").select(ASSEMBLED).collect()
    return np.array([row[0].toArray() for row in seen])


def test_the_stages_of_both_libraries_make_the_same_features(hours: Any) -> None:
    spark, sklearn = SparkLearner(STAGED), SklearnLearner(STAGED)
    table = hours.orderBy("time").select(*STAGED.columns).toPandas()
    ours, theirs = spark.fit(hours, {}), sklearn.fit(hours, {})
    assert features(ours, hours).shape == (288, WIDTH)
    np.testing.assert_allclose(features(ours, hours), theirs[:-1].transform(table), atol=1e-12)


def test_what_training_never_saw_has_a_place_of_its_own_in_both(learning: Any, hours: Any) -> None:
    ours, theirs = SparkLearner(STAGED).fit(hours, {}), SklearnLearner(STAGED).fit(hours, {})
    learner = replace(STAGED, features=(*STAGED.features[:3], "hr"), stages=STAGED.stages[:3])
    few = SparkLearner(learner).fit(hours, {}), SklearnLearner(learner).fit(hours, {})
    nan = F.lit(float("nan"))
    new = hours.limit(1).withColumn("sky", F.lit("hail"))
    for models in ((ours, theirs), few):
        mine = features(models[0], new)
        np.testing.assert_allclose(mine, models[1][:-1].transform(new.select(*ASKED).toPandas()), atol=1e-12)
        assert mine[0][:5].tolist() == [3.0, 0.0, 0.0, 0.0, 1.0]
    empty = new.withColumn("temp", nan).withColumn("sky", F.lit(None).cast("string"))
    mine = features(few[0], empty)
    assert mine[0][:6].tolist() == [3.0, 0.0, 0.0, 0.0, 1.0, 4.0]
    np.testing.assert_allclose(mine, few[1][:-1].transform(empty.select(*ASKED).toPandas()), atol=1e-12)


def test_shares_of_a_feature_that_is_a_vector_are_not_told(hours: Any) -> None:
    for fitting in (SparkLearner(STAGED), SklearnLearner(STAGED)):
        assert fitting.importances(fitting.fit(hours, {})) == {}


def test_one_cluster_for_all_has_no_silhouette(learning: Any, hours: Any) -> None:
    for library, parameters in (("spark", {"k": 2}), ("scikit-learn", {"n_clusters": 2})):
        declared = learning.by("k_means", "clustering", library=library, parameters=parameters, features=("hr",))
        fitting = SparkLearner(declared) if library == "spark" else SklearnLearner(declared)
        model = fitting.fit(hours, parameters)
        assert fitting.measure(model, hours.where("hr < 3")) == {"silhouette": 0.0}
