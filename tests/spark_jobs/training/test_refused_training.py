"""Rows and learners that give no model: a clear error at the start, and nothing saved."""

from dataclasses import replace
from typing import Any

import pytest

from landfall.errors import ModelError
from landfall.spec import Estimator, Learner, StringIndex
from spark_jobs.files import list_files

COLUMNS = {
    "void": "CAST(NULL AS DOUBLE)",
    "gappy": "IF(hr = 3 AND dt > DATE '2012-06-04', CAST(NULL AS DOUBLE), temp)",
    "infinite": "IF(hr = 3 AND dt = DATE '2012-06-02', double('Infinity'), temp)",
    "nan_label": "IF(hr = 5 AND dt = DATE '2012-06-06', double('NaN'), cnt)",
    "null_label": "IF(hr = 5, CAST(NULL AS DOUBLE), cnt)",
    "never": "0",
    "lately": "IF(dt > DATE '2012-06-08', 1, 0)",
    "negative": "IF(hr = 0, -1, 1)",
    "many": "hr * 10",
    "pair": "array(hr, hr)",
}
NEXT = "mend the features, or leave those days out with --until"


@pytest.fixture(scope="module")
def odd(learning: Any) -> str:
    """A table of ten days with odd columns."""
    return str(learning.write("odd", learning.hours(10, **COLUMNS)))


def refusal(learning: Any, table: str, learner: Learner, **more: str) -> ModelError:
    """The error that training stops with; nothing is saved."""
    with pytest.raises(ModelError) as refused:
        learning.train(table, "refused", learner, **more)
    assert list_files(learning.folder("refused"), "*") == []
    return refused.value


@pytest.mark.parametrize(
    ("task", "changes", "what"),
    [
        ("regression", {"features": ("hr", "void")}, "The feature `void` has no value in any of 240 rows."),
        (
            "regression",
            {"features": ("hr", "gappy")},
            "The feature `gappy` has no value in 6 of 240 rows, first in 2012-06-05.",
        ),
        (
            "regression",
            {"features": ("hr", "infinite")},
            "The feature `infinite` has no value in 1 of 240 rows, first in 2012-06-02.",
        ),
        (
            "regression",
            {"label": "nan_label"},
            "The label `nan_label` has no value in 1 of 240 rows, first in 2012-06-06.",
        ),
        (
            "regression",
            {"label": "null_label"},
            "The label `null_label` has no value in 10 of 240 rows, first in 2012-06-01.",
        ),
        ("regression", {"label": "void"}, "The label `void` has no value in any of 240 rows."),
        (
            "classification",
            {"label": "never"},
            "The label `never` has one class only before the held-out days: there is nothing to tell apart.",
        ),
        (
            "classification",
            {"label": "lately"},
            "The label `lately` has one class only before the held-out days: there is nothing to tell apart.",
        ),
        (
            "classification",
            {"label": "temp", "features": ("hr",)},
            "The label `temp` is not a class numbered from 0 to at most 99: 240 rows have others.",
        ),
        (
            "classification",
            {"label": "negative"},
            "The label `negative` is not a class numbered from 0 to at most 99: 10 rows have others.",
        ),
        (
            "classification",
            {"label": "many", "features": ("temp",)},
            "The label `many` is not a class numbered from 0 to at most 99: the highest is 230.",
        ),
    ],
)
def test_rows_that_nothing_can_be_learnt_from_are_refused(
    learning: Any, odd: str, task: str, changes: dict[str, Any], what: str
) -> None:
    learner = replace(learning.by("decision_tree", task), **changes)
    assert str(refusal(learning, odd, learner)) == (
        f"{what}\n"
        f"  looked: {odd}, version 0, every day\n"
        "  left: no model was registered, the champion stays\n"
        f"  next: {NEXT}"
    )


@pytest.mark.parametrize(
    ("changes", "column", "near"),
    [
        ({"features": ("hr", "tmp")}, "tmp", ""),
        ({"label": "count"}, "count", ""),
        ({"time": "hour"}, "hour", ""),
        ({"stages": (StringIndex(column="skies", output="s"),), "features": ("s",)}, "skies", ""),
    ],
)
def test_a_column_that_is_not_there_is_named(
    learning: Any, odd: str, changes: dict[str, Any], column: str, near: str
) -> None:
    told = refusal(learning, odd, replace(learning.by("decision_tree"), **changes))
    known = ", ".join(learning.table("odd").columns)
    assert str(told) == (
        f"`{column}`, which the learner asks for, is not a column of the feature table.\n"
        f"  looked: {odd}, version 0, every day; known: {known}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: add it to the features, or take it out of the learner"
    )


@pytest.mark.parametrize(
    ("changes", "column", "kind"),
    [
        ({"features": ("hr", "sky")}, "sky", "string"),
        ({"features": ("hr", "time")}, "time", "timestamp"),
        ({"features": ("hr", "pair")}, "pair", "array<int>"),
        ({"label": "sky"}, "sky", "string"),
    ],
)
def test_a_column_that_is_no_number_is_named(
    learning: Any, odd: str, changes: dict[str, Any], column: str, kind: str
) -> None:
    assert str(refusal(learning, odd, replace(learning.by("decision_tree"), **changes))) == (
        f"`{column}` is a column of type {kind}, which the learner takes for a number.\n"
        f"  looked: {odd}, version 0, every day\n"
        "  left: no model was registered, the champion stays\n"
        "  next: make it a number in the features; text can have a StringIndex stage in the learner"
    )


@pytest.mark.parametrize(("until", "days"), [("2012-06-06", 6), ("2012-05-31", 0)])
def test_too_few_days_are_no_model(learning: Any, odd: str, until: str, days: int) -> None:
    assert str(refusal(learning, odd, learning.by("decision_tree"), until=until)) == (
        f"`{odd}` has {days} days to learn from; a model needs at least 7.\n"
        f"  looked: {odd}, version 0, every day, up to {until}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: land more days, then train again: landfall train PIPELINE"
    )


@pytest.mark.parametrize(
    ("library", "parameter", "nearest"), [("spark", "maxDeph", "maxDepth"), ("scikit-learn", "max_deph", "max_depth")]
)
@pytest.mark.parametrize("where", ["parameters", "grid"])
def test_a_parameter_that_the_estimator_does_not_have_is_named_before_anything_is_read(
    learning: Any, library: Any, parameter: str, nearest: str, where: str
) -> None:
    given = {"parameters": {parameter: 3}} if where == "parameters" else {"grid": {parameter: (3, 4)}}
    told = refusal(learning, f"{learning.name}.nowhere", learning.by("decision_tree", library=library, **given))
    assert told.what == (
        f"There is no parameter of `decision_tree` (regression, {library}) `{parameter}`. Did you mean `{nearest}`?"
    )
    assert f" {nearest}," in told.looked
    assert not {"seed", "labelCol", "featuresCol", "random_state"} & set(
        told.looked.removeprefix("known: ").split(", ")
    )
    assert told.next == "mend Estimator.parameters or Estimator.grid of the learner"


def test_a_value_that_a_parameter_of_spark_cannot_have_is_named(learning: Any) -> None:
    told = refusal(learning, f"{learning.name}.nowhere", learning.by("decision_tree", parameters={"maxDepth": "deep"}))
    assert str(told) == (
        "The parameter `maxDepth` of `decision_tree` (regression) cannot be 'deep'.\n"
        f"  looked: {told.looked}\n"
        "  left: no model was registered, the champion stays\n"
        "  next: mend Estimator.parameters or Estimator.grid of the learner"
    )
    assert "deep" in told.looked


def test_a_value_that_a_parameter_of_scikit_learn_cannot_have_is_named(learning: Any, odd: str) -> None:
    declared = Estimator(kind="decision_tree", task="regression", parameters={"max_depth": -1}, library="scikit-learn")
    told = refusal(learning, odd, replace(learning.by("decision_tree"), estimator=declared))
    assert told.what == "scikit-learn could not fit `decision_tree`."
    assert told.looked.startswith("The 'max_depth' parameter of DecisionTreeRegressor must be ")
