"""A table model: what it declares, what none is, and what a version says of its rows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from landfall.errors import SpecError
from landfall.pipelines.iris import IRIS, SPECIES_PRICE
from landfall.spec import Estimator, Learner, RowsFile

FILE = RowsFile(key="datasets/iris/0a1b.parquet", sha256="0a1b2c", rows=150)


def iris(**changes: Any) -> Callable[[], object]:
    return lambda: replace(IRIS, **changes)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            iris(name="Iris flowers"),
            "TableModel.name `Iris flowers` is not a name.\n  looked: expected lower_case_words",
        ),
        (
            iris(holdout=0.0),
            "TableModel.holdout of `iris` is 0.0.\n  looked: expected a share over 0 and up to 0.5",
        ),
        (iris(holdout=14), "TableModel.holdout of `iris` is 14.\n  looked: expected a share over 0 and up to 0.5"),
        (
            iris(learner=replace(IRIS.learner, estimator=replace(IRIS.learner.estimator, grid={"maxDepth": (2, 3)}))),
            "TableModel `iris` cannot try a grid.\n"
            "  looked: its points are tried in the order of partitions, which a table of rows has not",
        ),
        (
            lambda: replace(SPECIES_PRICE, classes=("cheap", "dear")),
            "TableModel `species_price` has classes, but does regression.\n  looked: 'cheap', 'dear'",
        ),
        (
            iris(classes=("setosa",)),
            "TableModel.classes of `iris` name no two classes or more.\n  looked: expected different names, not 'setosa'",
        ),
        (
            iris(classes=("setosa", "setosa")),
            "TableModel.classes of `iris` name no two classes or more.\n"
            "  looked: expected different names, not 'setosa', 'setosa'",
        ),
        (
            iris(classes=("setosa", "")),
            "TableModel.classes of `iris` name no two classes or more.\n"
            "  looked: expected different names, not 'setosa', ''",
        ),
    ],
)
def test_nonsense_is_refused_when_it_is_declared(make: Callable[[], object], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert str(refused.value) == said


def test_clusters_of_rows_can_be_a_table_model() -> None:
    clusters = Learner(features=("a",), estimator=Estimator(kind="k_means", task="clustering"))
    assert replace(IRIS, learner=clusters, classes=()).training.name == "train_rows"


def test_the_training_of_a_table_model_is_told_its_learner_and_its_share() -> None:
    assert IRIS.training.argv(partition="", rows="x.parquet") == [
        "train_rows", "--learner", IRIS.learner.to_json(), "--holdout", "0.2", "--rows", "x.parquet",
    ]  # fmt: skip
    assert IRIS.folder == "datasets/iris/"


def test_the_rows_of_a_version_come_back_from_its_tags() -> None:
    assert RowsFile.of_tags({"landfall.rows": FILE.tag}) == FILE


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"key": "k", "sha256": "s"}', '{"key": "k", "sha256": "s", "rows": "x"}']
)
def test_tags_that_tell_no_rows_tell_none(text: str) -> None:
    assert RowsFile.of_tags({"landfall.rows": text}) is RowsFile.of_tags({}) is None
