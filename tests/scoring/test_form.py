"""What is refused when a form is made."""

import math

import pytest

from landfall.errors import SpecError
from landfall.scoring.form import Classes, Distances, Ensemble, Gaussian, Linear, Model, Value
from landfall.scoring.scalars import Affine, Bucket, Checked, Impute, Index, InputColumn
from landfall.scoring.trees import CategorySplit, Leaf, Node, Split, Tree

A = InputColumn(name="a")
LEAF = Leaf(values=(1.0,))
ONE = Linear(coefficients=((1.0,),), intercepts=(0.0,))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: InputColumn(name=""), "InputColumn.name is ''.\n  looked: expected a column's name"),
        (
            lambda: InputColumn(name="a", kind="numbers"),  # type: ignore[arg-type]
            "There is no kind of column `numbers`. Did you mean `number`?\n  looked: known: number, text, vector",
        ),
        (lambda: Leaf(values=(math.nan,)), "Leaf.values holds nan.\n  looked: expected finite numbers"),
        (
            lambda: Split(feature=0, threshold=math.nan, left=LEAF, right=LEAF),
            "Split.threshold is nan.\n  looked: expected a number",
        ),
        (
            lambda: CategorySplit(feature=0, members=(math.inf,), left=LEAF, right=LEAF),
            "CategorySplit.members holds inf.\n  looked: expected finite numbers",
        ),
        (
            lambda: CategorySplit(feature=0, members=(), left=LEAF, right=LEAF),
            "CategorySplit.members is empty.\n  looked: expected at least one",
        ),
        (lambda: Impute(input=A, value=math.inf), "Impute.value holds inf.\n  looked: expected finite numbers"),
        (
            lambda: Affine(input=A, operations=(("divide", 0.0),)),
            "Affine.operations divides by 0.\n  looked: expected another number",
        ),
        (
            lambda: Bucket(input=A, edges=(2.0, 1.0)),
            "Bucket.edges is (2.0, 1.0).\n  looked: expected increasing numbers",
        ),
        (
            lambda: Index(input=A, labels=("x",)),
            "Index.labels of `a` are not of its kind.\n  looked: expected numbers, got 'x'",
        ),
        (lambda: Index(input=A, labels=(1.0, 1.0)), "Index.labels has a value twice.\n  looked: 1.0, 1.0"),
        (lambda: Checked(input=A, limit=0.0), "Checked.limit is 0.0.\n  looked: expected a positive number"),
        (
            lambda: Ensemble(trees=()),
            "Ensemble has no trees, no scores, or is divided by 0.\n  looked: 0 trees",
        ),
        (
            lambda: Ensemble(trees=(Tree(root=LEAF, score=1),)),
            "A tree's leaves have 1 values from score 1 on.\n  looked: expected equally many, within the ensemble's 1",
        ),
        (
            lambda: Linear(coefficients=((1.0,), (1.0, 2.0)), intercepts=(0.0, 0.0)),
            "Linear.coefficients has rows of 1, 2.\n  looked: expected 2 equally long ones",
        ),
        (
            lambda: Distances(centers=()),
            "Distances.centers has rows of nothing.\n  looked: expected 0 equally long ones",
        ),
        (
            lambda: Gaussian(priors=(0.0,), constants=(0.0,), means=((1.0,),), variances=((0.0,),)),
            "Gaussian.variances has a number that is not positive.\n  looked: expected positive numbers",
        ),
        (
            lambda: Classes(labels=(1.0, 1.0), probability="share"),
            "Classes.labels is (1.0, 1.0).\n  looked: expected two or more, each once",
        ),
        (
            lambda: Classes(labels=(0.0, 1.0), probability="logistic", cut=math.nan),
            "Classes.cut is nan.\n  looked: expected a number",
        ),
        (
            lambda: Model(features=(A, A), scorer=ONE, decision=Value()),
            "The scorer needs 1 features, the model has 2.\n  looked: expected as many",
        ),
        (
            lambda: Model(features=(A,), scorer=ONE, decision=Classes(labels=(0.0, 1.0), probability="softmax")),
            "The model's decision needs 2 scores.\n  looked: its scorer gives 1",
        ),
        (
            lambda: Model(features=(A,), scorer=ONE, decision=Classes(labels=(0.0, 1.0, 2.0), probability="logistic")),
            "A logistic probability needs exactly two classes.\n  looked: 3 labels",
        ),
        (
            lambda: Model(
                features=(A, Index(input=InputColumn(name="a", kind="text"), labels=("x",))),
                scorer=Linear(coefficients=((1.0, 1.0),), intercepts=(0.0,)),
                decision=Value(),
            ),
            "The column `a` is used both as a number and as text.\n  looked: expected one kind",
        ),
    ],
)
def test_nonsense_is_refused_when_it_is_made(make, said):
    with pytest.raises(SpecError) as caught:
        make()
    assert str(caught.value) == said


def test_a_tree_that_is_too_deep_is_refused():
    root: Node = LEAF
    for _ in range(3000):
        root = Split(feature=0, threshold=0.0, left=LEAF, right=root)
    with pytest.raises(SpecError) as caught:
        Ensemble(trees=(Tree(root=root),))
    assert str(caught.value) == "A tree is 3000 splits deep.\n  looked: expected 500 at most"


def test_a_model_knows_its_columns_in_the_order_of_its_features():
    b = InputColumn(name="b")
    features = (Affine(input=b, operations=(("add", 1.0),)), A, b)
    model = Model(features=features, scorer=Ensemble(trees=(Tree(root=LEAF),)), decision=Value())
    assert model.inputs == (b, A)
