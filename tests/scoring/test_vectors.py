"""Models of a vector column: read from the files that Spark wrote, and written for Spark SQL."""

from dataclasses import replace

import pytest

from landfall.errors import SpecError
from landfall.scoring import PostgreSQL, SparkSQL, compile_model
from landfall.scoring.form import Classes, Ensemble, Linear, Model
from landfall.scoring.scalars import Element, InputColumn
from landfall.scoring.trees import Leaf, Split, Tree

PIXELS = InputColumn(name="pixels", kind="vector")
ELEMENTS = tuple(Element(input=PIXELS, position=position) for position in range(4))
LINEAR = Model(
    features=ELEMENTS,
    scorer=Linear(coefficients=((1.0, 0.0, -2.5, 4.0),), intercepts=(0.25,)),
    decision=Classes(labels=(0.0, 1.0), probability="logistic"),
)
TREE = Model(
    features=ELEMENTS,
    scorer=Ensemble(
        trees=(
            Tree(
                root=Split(feature=2, threshold=1.5, left=Leaf(values=(3.0, 1.0)), right=Leaf(values=(0.0, 2.0))),
            ),
        ),
        start=(0.0, 0.0),
    ),
    decision=Classes(labels=(0.0, 1.0), probability="share"),
)


def test_a_vector_is_one_input_column() -> None:
    assert LINEAR.inputs == TREE.inputs == (PIXELS,)


def test_a_linear_model_is_one_sum_over_what_the_row_holds() -> None:
    query = compile_model(LINEAR, SparkSQL()).query("`rows`")
    assert query.count("aggregate(") == 1
    assert "from_json('[1.0,0.0,-2.5,4.0]', 'ARRAY<DOUBLE>')" in query
    assert "pixels is null" in query
    assert "pixels has an element that the model does not know" in query


def test_a_tree_looks_up_only_the_elements_that_it_splits_by() -> None:
    query = compile_model(TREE, SparkSQL()).query("`rows`")
    assert query.count("try_element_at(") == 1
    assert "try_element_at(`pixels`, '2')" in query


def test_elements_in_another_order_are_written_one_by_one() -> None:
    mixed = replace(LINEAR, features=(ELEMENTS[1], ELEMENTS[0], *ELEMENTS[2:]))
    query = compile_model(mixed, SparkSQL()).query("`rows`")
    assert "aggregate(" not in query
    assert query.count("try_element_at(") == 4


@pytest.mark.parametrize("model", [LINEAR, TREE], ids=["linear", "tree"])
def test_postgresql_has_no_vectors_and_says_what_to_do(model: Model) -> None:
    with pytest.raises(SpecError) as refused:
        compile_model(model, PostgreSQL())
    assert str(refused.value).splitlines()[0] == "A model of a vector column cannot be written for PostgreSQL."
    assert refused.value.next == "score it in a stream, or train it on a column for each number"
