"""The ways in which PL/pgSQL scores a row: the shortcut and what is behind it, trees as statements and as arrays."""

import math

import pytest

from landfall.scoring import row_logic
from landfall.scoring.form import Classes, Distances, Ensemble, Gaussian, Linear, Model, Nearest, Value
from landfall.scoring.plpgsql import MANY, can_be_walked
from landfall.scoring.scalars import Affine, Checked, Impute, InputColumn
from landfall.scoring.sql import bounds
from landfall.scoring.trees import CategorySplit, Leaf, Node, Split, Tree

A, B = InputColumn(name="a"), InputColumn(name="b")
FLOAT32 = 3.4028235677973362e38


def split(threshold: float = 0.5, *, feature: int = 0, missing_left: bool = False, values: int = 1) -> Node:
    low, high = (Leaf(values=tuple(float(side + k) for k in range(values))) for side in (0, 10))
    return Split(feature=feature, threshold=threshold, left=low, right=high, missing_left=missing_left)


def forest(*roots: Node, scores: int = 1, features: tuple[InputColumn | Checked, ...] = (A, B)) -> Model:
    trees = tuple(Tree(root=root) for root in roots)
    decision = Value() if scores == 1 else Classes(labels=(0.0, 1.0), probability="share")
    return Model(features=features, scorer=Ensemble(trees=trees, start=(0.0,) * scores), decision=decision)


def balanced(leaves: int) -> Node:
    """A tree of so many leaves, a power of two."""

    def below(low: int, high: int) -> Node:
        if high - low == 1:
            return Leaf(values=(float(low),))
        middle = (low + high) // 2
        return Split(feature=0, threshold=middle - 0.5, left=below(low, middle), right=below(middle, high))

    return below(0, leaves)


MODELS = {
    "a tree that takes all": forest(split()),
    "trees of float32": forest(
        split(), split(feature=1), features=(Checked(input=A, limit=FLOAT32), Checked(input=B, limit=FLOAT32))
    ),
    "a tree where what is missing goes left": forest(split(missing_left=True), split(feature=1)),
    "a tree that wants what is not negative": forest(split(), features=(Checked(input=A, least=0.0), B)),
    "one column twice": forest(split(), split(feature=1), features=(A, Checked(input=A, limit=5.0))),
    "a sum": Model(features=(A, B), scorer=Linear(coefficients=((2.0, -1e10),), intercepts=(1.0,)), decision=Value()),
    "distances": Model(features=(A, B), scorer=Distances(centers=((0.0, 1.0), (2.0, -3.0))), decision=Nearest()),
    "densities": Model(
        features=(A, B),
        scorer=Gaussian(
            priors=(-1.0, -0.5),
            constants=(-2.0, -2.0),
            means=((0.0, 1.0), (2.0, 0.0)),
            variances=((1.0, 2.0), (0.5, 1.0)),
        ),
        decision=Classes(labels=("x", "y"), probability="softmax"),
    ),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_a_row_on_a_bound_and_beside_it_is_scored_as_by_the_expression(name, database, exactness):
    model = MODELS[name]
    edges = [edge for pair in bounds(model).values() for edge in pair if math.isfinite(edge)]
    values = [*exactness.around(edges), *exactness.odd, None, 0.5, -0.5]
    rows = [{"a": one, "b": other} for one in values for other in (0.25, values[0], math.nan, None)]
    rows += [{"a": 0.25, "b": one} for one in values]

    logic = row_logic(model, lambda name: f'"{name}"')
    assert logic.shortcut
    assert list(map(repr, database.score(model, rows))) == list(map(repr, database.score_by_trigger(model, rows)))


def test_bounds_are_those_of_every_check_on_the_way():
    assert bounds(MODELS["trees of float32"]) == {"a": (-FLOAT32, FLOAT32), "b": (-FLOAT32, FLOAT32)}
    assert bounds(MODELS["one column twice"]) == {"a": (-5.0, 5.0)}
    assert bounds(MODELS["a tree that wants what is not negative"])["a"] == (0.0, math.inf)
    [low, high] = bounds(MODELS["a sum"])["b"]
    assert (low, high) == (-1e294, 1e294)


@pytest.mark.parametrize(
    "model",
    [
        forest(split(), features=(InputColumn(name="a", kind="text"), B)),
        Model(
            features=(Impute(input=A, value=1.0),),
            scorer=Linear(coefficients=((1.0,),), intercepts=(0.0,)),
            decision=Value(),
        ),
        Model(
            features=(Affine(input=A, operations=(("subtract", 1.0),)),),
            scorer=Linear(coefficients=((1.0,),), intercepts=(0.0,)),
            decision=Value(),
        ),
        forest(balanced(128)),
    ],
    ids=["text", "imputed", "scaled", "many leaves"],
)
def test_there_is_no_shortcut_where_a_feature_is_made_of_a_column_or_the_model_is_large(model):
    assert row_logic(model, str).shortcut is None


def test_the_way_depends_on_how_many_leaves_there_are():
    half = 2 ** math.ceil(math.log2(MANY / 2))

    assert row_logic(forest(balanced(16)), str).way == "CASE and IF"
    assert row_logic(forest(balanced(half), balanced(half)), str).way == "arrays"
    assert row_logic(MODELS["a sum"], str).way == "expressions"


def test_a_forest_of_many_leaves_gives_by_arrays_what_the_expression_gives(database, exactness):
    root = balanced(1024)
    model = forest(root, root, split(missing_left=True), split(3.5, feature=1))
    values = [*exactness.odd, *(float(n) for n in range(0, 1024, 37)), 0.5, None]

    rows = [{"a": one, "b": other} for one in values for other in (0.25, math.nan, None)]
    assert row_logic(model, str).way == "arrays"
    assert list(map(repr, database.score(model, rows))) == list(map(repr, database.score_by_trigger(model, rows)))


def test_what_splits_by_categories_or_adds_to_some_scores_only_is_not_walked():
    by_category = CategorySplit(feature=0, members=(1.0,), left=Leaf(values=(0.0,)), right=Leaf(values=(1.0,)))
    boosted = Model(
        features=(A, B),
        scorer=Ensemble(trees=(Tree(root=split(), score=0), Tree(root=split(), score=1)), start=(0.0, 0.0)),
        decision=Classes(labels=(0.0, 1.0), probability="softmax"),
    )

    assert can_be_walked(forest(split()))
    assert not can_be_walked(forest(by_category))
    assert not can_be_walked(boosted)
    assert row_logic(boosted, str, walked=True).way == "CASE and IF"
