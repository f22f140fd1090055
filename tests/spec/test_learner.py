"""A learner: what it needs, how it travels, and what none is."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from landfall.errors import SpecError
from landfall.pipelines import PIPELINES, TABLE_MODELS
from landfall.spec import Buckets, Estimator, Learner, OneHot, Quantiles, Scale, StringIndex
from landfall.spec.learner import ESTIMATORS

TREE = Estimator(kind="decision_tree", task="regression", parameters={"maxDepth": 3})
PLAIN = Learner(features=("hr", "temp"), estimator=TREE, label="cnt")
STAGED = Learner(
    features=("sky_vector", "temp_bucket", "part_of_day", "weather", "hr"),
    estimator=Estimator(
        kind="logistic",
        task="classification",
        parameters={"maxIter": 20, "fitIntercept": True, "family": "auto"},
        grid={"regParam": (0.0, 0.1), "elasticNetParam": (0.0, 1.0)},
    ),
    label="busy",
    stages=(
        StringIndex(column="sky", output="sky_number"),
        OneHot(column="sky_number", output="sky_vector"),
        Quantiles(column="temp", output="temp_bucket", buckets=4),
        Buckets(column="hr", output="part_of_day", splits=(6.0, 12.0)),
        Scale(columns=("temp", "hum"), output="weather"),
    ),
    scaling="max_abs",
    seed=11,
    holdout=5,
    minimum=10,
    time="hour",
)


@pytest.mark.parametrize(
    "learner",
    [
        PLAIN,
        STAGED,
        *(each.training.learner for each in PIPELINES.values() if each.training),
        *(each.learner for each in TABLE_MODELS.values()),
    ],
    ids=lambda one: one.label,
)
def test_a_learner_comes_back_from_its_command_line(learner: Learner) -> None:
    text = learner.to_json()
    assert Learner.from_json(text) == learner
    assert "\n" not in text
    assert Learner.from_json(text).to_json() == text


def test_the_columns_are_those_that_no_stage_makes() -> None:
    assert STAGED.columns == ("hr", "hum", "sky", "temp")
    assert PLAIN.columns == ("hr", "temp")


def test_a_stage_may_overwrite_nothing_that_it_reads_under_its_own_name() -> None:
    again = replace(PLAIN, stages=(Quantiles(column="hr", output="bucket"),), features=("bucket", "temp"))
    assert again.columns == ("hr", "temp")


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_does_its_own_tasks_and_no_other(kind: str) -> None:
    for task in ("regression", "classification", "clustering"):
        if task in ESTIMATORS[kind]:
            assert Estimator(kind=kind, task=task).task == task
            continue
        with pytest.raises(SpecError) as refused:
            Estimator(kind=kind, task=task)
        does = ", ".join(ESTIMATORS[kind])
        assert str(refused.value) == f"Estimator `{kind}` does no {task}.\n  looked: it does: {does}"


def estimator(**changes: Any) -> Callable[[], object]:
    return lambda: Estimator(**{"kind": "random_forest", "task": "regression", **changes})


def learner(**changes: Any) -> Callable[[], object]:
    return lambda: replace(PLAIN, **changes)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            estimator(kind="random_forrest"),
            "There is no estimator `random_forrest`. Did you mean `random_forest`?\n  looked: known: "
            "random_forest, gradient_boosted_trees, decision_tree, linear, logistic, k_means",
        ),
        (
            estimator(library="sklearn"),
            "There is no library `sklearn`. Did you mean `scikit-learn`?\n  looked: known: spark, scikit-learn",
        ),
        (
            estimator(grid={"maxDepth": ()}),
            "Estimator.grid has no values for `maxDepth`.\n  looked: expected at least one",
        ),
        (learner(features=()), "Learner.features is empty.\n  looked: expected names of columns"),
        (learner(features=("hr", "hr")), "Learner.features has a name twice.\n  looked: hr, hr"),
        (
            learner(label=""),
            "Learner.label is ``.\n  looked: expected the column to predict, and none for clustering",
        ),
        (
            learner(estimator=Estimator(kind="k_means", task="clustering")),
            "Learner.label is `cnt`.\n  looked: expected the column to predict, and none for clustering",
        ),
        (learner(label="hr"), "Learner.label `hr` is among the features.\n  looked: hr, temp"),
        (
            learner(scaling="standart"),
            "There is no scaling `standart`. Did you mean `standard`?\n  looked: known: standard, min_max, max_abs",
        ),
        (
            learner(holdout=0),
            "Learner.holdout is 0, minimum 7.\n  looked: expected at least 1 partition held out of at least 2",
        ),
        (
            learner(minimum=1),
            "Learner.holdout is 14, minimum 1.\n  looked: expected at least 1 partition held out of at least 2",
        ),
        (
            learner(stages=(Quantiles(column="hr", output="x"), Quantiles(column="temp", output="x"))),
            "Learner.stages give a name twice.\n  looked: x",
        ),
    ],
)
def test_nonsense_is_refused_when_it_is_declared(make: Callable[[], object], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert str(refused.value) == said


def test_a_stage_that_does_not_exist_is_refused_with_the_nearest() -> None:
    fields = json.loads(STAGED.to_json())
    fields["stages"][0]["stage"] = "string_indx"
    with pytest.raises(SpecError) as refused:
        Learner.from_json(json.dumps(fields))
    assert str(refused.value) == (
        "There is no feature stage `string_indx`. Did you mean `string_index`?\n"
        "  looked: known: string_index, quantiles, buckets, one_hot, scale"
    )
