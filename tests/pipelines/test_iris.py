"""The rows that the table models of iris learn from."""

from collections import Counter

import pytest

from landfall.pipelines import TABLE_MODELS
from landfall.pipelines.iris import BASE, HAGGLING, IRIS, SPECIES, SPECIES_PRICE
from landfall.spec import TableModel


def test_there_are_fifty_flowers_of_each_species() -> None:
    table = IRIS.rows()
    assert Counter(table.column("species").to_pylist()) == {0: 50, 1: 50, 2: 50}
    assert table.slice(0, 1).to_pylist() == [
        {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2, "species": 0}
    ]
    assert IRIS.classes == SPECIES == ("setosa", "versicolor", "virginica")


def test_a_price_is_that_of_the_species_and_of_the_size_but_for_some_haggling() -> None:
    rows = SPECIES_PRICE.rows().to_pylist()
    off = [
        row["price"] - (BASE[row["species"]] + 0.5 * row["petal_length"] + 0.25 * row["sepal_width"]) for row in rows
    ]
    assert Counter(row["species"] for row in rows) == dict.fromkeys(SPECIES, 50)
    assert max(map(abs, off)) < 4 * HAGGLING
    assert (sum(each * each for each in off) / len(off)) ** 0.5 == pytest.approx(HAGGLING, rel=0.2)
    assert all(row["price"] == round(row["price"], 2) for row in rows)


@pytest.mark.parametrize("model", TABLE_MODELS.values(), ids=TABLE_MODELS)
def test_the_rows_are_the_same_each_time_and_have_what_the_learner_asks_for(model: TableModel) -> None:
    table = model.rows()
    assert table.equals(model.rows())
    assert {*model.learner.columns, model.learner.label} <= set(table.column_names)
