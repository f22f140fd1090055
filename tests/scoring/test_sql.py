"""Forms made by chance, scored by PostgreSQL and by a walk in Python: the same numbers bit for bit."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landfall.errors import SpecError
from landfall.scoring.dialect import PostgreSQL, SparkSQL
from landfall.scoring.form import Classes, Distances, Ensemble, Gaussian, Linear, Model, Nearest, Value
from landfall.scoring.scalars import Affine, Bucket, Category, Checked, Impute, Index, Indicator, InputColumn
from landfall.scoring.sql import compile_model
from landfall.scoring.trees import CategorySplit, Leaf, Node, Split, Tree

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = ("a", "b0", 'c {0} %s "; DROP')
FEATURES = tuple(InputColumn(name=name) for name in NAMES)
FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)
ANY = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, -0.0, 1.0, 2.0, 5e-324]))


def nodes(width: int) -> st.SearchStrategy[Node]:
    """Trees with leaves of so many values."""
    leaf = st.builds(Leaf, values=st.tuples(*[FINITE] * width))
    feature = st.integers(0, 2)

    def more(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        threshold = st.floats(allow_nan=False)
        split = st.builds(
            Split, feature=feature, threshold=threshold, left=inner, right=inner, missing_left=st.booleans()
        )
        members = st.sets(st.sampled_from([0.0, 1.0, 2.0]), min_size=1).map(lambda one: tuple(sorted(one)))
        by_category = st.builds(
            CategorySplit, feature=feature, members=members, left=inner, right=inner, members_left=st.booleans()
        )
        return st.one_of(split, by_category)

    return st.recursive(leaf, more, max_leaves=12)


def forests() -> st.SearchStrategy[Model]:
    def made(width: int) -> st.SearchStrategy[Model]:
        trees = st.lists(st.builds(Tree, root=nodes(width)), min_size=1, max_size=5).map(tuple)
        over = st.sampled_from([1.0, 3.0, 1e-3])
        scorer = st.builds(Ensemble, trees=trees, start=st.just((0.5,) * width), over=over)
        labels = tuple(map(float, range(width)))
        decision = Value() if width == 1 else Classes(labels=labels, probability="scores")
        return st.builds(Model, features=st.just(FEATURES), scorer=scorer, decision=st.just(decision))

    return st.sampled_from([1, 3]).flatmap(made)


def walk(node: Node, row: list[float]) -> tuple[float, ...]:
    while not isinstance(node, Leaf):
        value = row[node.feature]
        if isinstance(node, Split):
            left = value <= node.threshold or (node.missing_left and math.isnan(value))
        else:
            left = (value in node.members) == node.members_left
        node = node.left if left else node.right
    return node.values


def totals(ensemble: Ensemble, row: list[float]) -> list[float]:
    scores = list(ensemble.start)
    for tree in ensemble.trees:
        for number, value in enumerate(walk(tree.root, row)):
            scores[tree.score + number] += value
    return [score / ensemble.over for score in scores]


def cells(row: list[Any]) -> dict[str, Any]:
    return dict(zip(NAMES, row, strict=True))


@QUICK
@given(forests(), st.lists(st.lists(ANY, min_size=3, max_size=3), min_size=1, max_size=20))
def test_an_ensemble_of_any_trees_is_walked_as_it_stands(database, exactness, model, rows):
    """Rows on each threshold and beside it too; both as an expression and as a function."""
    near = [(feature, value) for feature, edge in exactness.thresholds(model) for value in exactness.around([edge])[:9]]
    rows = rows + [[*rows[0][:feature], value, *rows[0][feature + 1 :]] for feature, value in near]
    expected = [totals(model.scorer, [math.nan if each is None else each for each in row]) for row in rows]
    scored = database.score(model, [cells(row) for row in rows])
    assert scored == database.score_by_trigger(model, [cells(row) for row in rows])
    for scores, (prediction, reason, *shares) in zip(expected, scored, strict=True):
        assert reason is None
        if shares:
            assert exactness.bits(shares) == exactness.bits(scores)
            assert prediction == scores.index(max(scores))
        else:
            assert exactness.bits([prediction]) == exactness.bits(scores)


SIZES = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e120, max_value=1e120)


@QUICK
@given(
    st.lists(st.lists(SIZES, min_size=3, max_size=3), min_size=2, max_size=3),
    st.lists(st.lists(st.floats(), min_size=3, max_size=3), min_size=1, max_size=20),
)
def test_sums_are_added_from_left_to_right(database, exactness, table, rows):
    """Also of products that underflow, where PostgreSQL itself raises; a row is refused only for what is missing or huge."""
    coefficients, intercepts = tuple(map(tuple, table)), tuple(row[0] for row in table)
    linear = Linear(coefficients=coefficients, intercepts=intercepts)
    labels = tuple(map(float, range(len(table))))
    model = Model(features=FEATURES, scorer=linear, decision=Classes(labels=labels, probability="scores"))
    for row, (_, reason, *scores) in zip(rows, database.score(model, [cells(row) for row in rows]), strict=True):
        if reason:
            assert any(not math.isfinite(value) or abs(value) > 1e180 for value in row), (row, reason)
            continue
        for factors, intercept, score in zip(coefficients, intercepts, scores, strict=True):
            terms = [value * factor for value, factor in zip(row, factors, strict=True)]
            total = terms[0]
            for term in [*terms[1:], intercept]:
                total += term
            assert exactness.bits([score]) == exactness.bits([total])


@QUICK
@given(
    st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=1, max_size=4), st.lists(ANY, min_size=3, max_size=3)
)
def test_the_nearest_centre_is_the_first_of_the_nearest(database, table, row):
    model = Model(features=FEATURES, scorer=Distances(centers=tuple(map(tuple, table))), decision=Nearest())
    [(prediction, reason)] = database.score(model, [cells(row)])
    if any(value is None or not abs(value) < 1e150 for value in row):
        assert prediction is None
        assert reason
    else:
        squares = [sum((value - at) * (value - at) for value, at in zip(row, center, strict=True)) for center in table]
        assert (prediction, reason) == (squares.index(min(squares)), None)


@pytest.mark.parametrize("score", [-1e300, -800.0, -745.0, -40.0, -1e-320, -0.0, 0.0, 1e-17, 36.0, 709.9, 800.0, 1e300])
@pytest.mark.parametrize("direct", [0, 1])
def test_a_probability_of_any_score_is_a_number(database, score, direct):
    decision = Classes(labels=("no", "yes"), probability="logistic", direct=direct, steepness=2.0)
    model = Model(features=FEATURES[:1], scorer=Linear(coefficients=((1.0,),), intercepts=(0.0,)), decision=decision)
    [(prediction, reason, no, yes)] = database.score(model, [{"a": score}])
    assert (prediction, reason, no + yes) == ("yes" if score > 0 else "no", None, 1.0)
    assert no == pytest.approx(1 / (1 + math.exp(min(2 * score, 709))), abs=1e-15)


def test_shares_of_far_scores_are_0_and_1(database):
    linear = Linear(coefficients=((0.0,), (1.0,), (2.0,)), intercepts=(0.0, 0.0, 0.0))
    model = Model(features=FEATURES[:1], scorer=linear, decision=Classes(labels=(0.0, 1.0, 2.0), probability="softmax"))
    scored = database.score(model, [{"a": 0.0}, {"a": 700.0}, {"a": -1e300}, {"a": 350.0}])
    third = 1 / 3
    assert [row[0] for row in scored] == [0.0, 2.0, 0.0, 2.0]
    assert scored[0][2:] == (third, third, third)
    assert scored[1][2:] == (0.0, 0.0, 1.0)
    assert scored[2][2:] == (1.0, 0.0, 0.0)
    assert scored[3][2:] == (0.0, pytest.approx(math.exp(-350)), 1.0)


def test_gaussian_scores_are_those_of_their_formula(database, exactness):
    priors, constants, means = (-0.1, -2.0), (-1.5, 2.5), ((1.0, 2.0, 3.0), (0.0, 1e-200, -1.0))
    variances = ((0.3, 1e-9, 2.0), (1.0, 1e300, 7.0))
    rows = [[0.7, 2.0, 3.3], [1e-200, 1e-300, 0.0], [1e5, -1e5, 1e7]]
    for together in (False, True):
        gaussian = Gaussian(
            priors=priors, constants=constants, means=means, variances=variances, halved_together=together
        )
        decision = Classes(labels=(0.0, 1.0), probability="scores")
        scored = database.score(
            Model(features=FEATURES, scorer=gaussian, decision=decision), [cells(row) for row in rows]
        )
        for row, (_, reason, *scores) in zip(rows, scored, strict=True):
            expected = []
            for k in range(2):
                parts = [(x - m) * (x - m) / v for x, m, v in zip(row, means[k], variances[k], strict=True)]
                s = parts[0] + parts[1] + parts[2]
                prior, constant = priors[k], constants[k]
                expected.append(prior - (s + constant) / 2 if together else prior + (constant - 0.5 * s))
            assert (reason, exactness.bits(scores)) == (None, exactness.bits(expected))


def test_every_reason_names_its_column(database):
    """The first reason of a row is told, and the row has no prediction."""
    sky, a, b = InputColumn(name="sky", kind="text"), InputColumn(name="a"), InputColumn(name="it's")
    features = (
        Index(input=sky, labels=("clear", "mist")),
        Bucket(input=a, edges=(1.0, 2.0), low=0.0, high=3.0),
        Indicator(input=Category(input=b, size=2), number=1),
        Checked(input=b, least=0.5),
        Affine(input=a, operations=(("multiply", 1e200),)),
    )
    linear = Linear(coefficients=((1.0, 10.0, 100.0, 0.0, 0.0),), intercepts=(0.0,))
    model = Model(features=features, scorer=linear, decision=Value())
    good = {"sky": "mist", "a": 3.0, "it's": 1.0}
    changes: list[dict[str, Any]] = [
        {},
        {"a": 0.0, "sky": "clear"},
        {"sky": None},
        {"sky": "snow"},
        {"a": None},
        {"a": math.nan},
        {"a": -0.1},
        {"a": math.inf},
        {"it's": None},
        {"it's": 2.0},
        {"it's": 0.25},
    ]
    scored = database.score(model, [{**good, **change} for change in changes])
    assert scored[:2] == [(121.0, None), (100.0, None)]
    assert scored[2:] == [
        (None, "sky is null"),
        (None, "sky has a value that the model never saw"),
        (None, "a is null"),
        (None, "a is NaN"),
        (None, "a is outside of 0.0 to 3.0"),
        (None, "a is outside of 0.0 to 3.0"),
        (None, "it's is null"),
        (None, "it's is outside of the 2 categories"),
        (None, "it's is below 0.5"),
    ]


def test_null_and_a_marked_value_are_imputed(database):
    a = InputColumn(name="a")
    linear = Linear(coefficients=((1.0, 10.0, 100.0),), intercepts=(0.0,))
    features = (Impute(input=a, value=1.0), Impute(input=a, value=2.0, missing=-1.0), Impute(input=a, value=3.0))
    model = Model(features=features, scorer=linear, decision=Value())
    scored = database.score(model, [{"a": None}, {"a": -1.0}, {"a": math.nan}])
    assert scored == [(321.0, None), (-81.0, None), (None, "a is NaN")]


def test_a_forest_of_2000_trees_is_one_statement(database):
    root = Split(feature=0, threshold=0.5, left=Leaf(values=(1.0, 0.0)), right=Leaf(values=(0.25, 0.75)))
    ensemble = Ensemble(trees=(Tree(root=root),) * 2000, start=(0.0, 0.0), over=2000.0)
    decision = Classes(labels=(0.0, 1.0), probability="scores")
    model = Model(features=FEATURES[:1], scorer=ensemble, decision=decision)
    assert database.score(model, [{"a": 0.5}, {"a": 0.6}]) == [(0.0, None, 1.0, 0.0), (1.0, None, 0.25, 0.75)]


def test_a_tree_of_500_splits_in_a_row_is_one_expression(database):
    root: Node = Leaf(values=(-1.0,))
    for number in reversed(range(500)):
        root = Split(feature=0, threshold=float(number), left=Leaf(values=(float(number),)), right=root)
    model = Model(features=FEATURES[:1], scorer=Ensemble(trees=(Tree(root=root),)), decision=Value())
    expected = [(499.0, None), (-1.0, None), (0.0, None)]
    rows = [{"a": 498.5}, {"a": 499.5}, {"a": -math.inf}]
    assert database.score(model, rows) == database.score_by_trigger(model, rows) == expected


def test_a_query_names_what_it_keeps_and_quotes_it():
    leaf = Model(features=(), scorer=Ensemble(trees=(Tree(root=Leaf(values=(1.5,))),)), decision=Value())
    assert compile_model(leaf, PostgreSQL()).query('"t"', ['i"d']) == (
        """SELECT k0 AS "i""d", CASE WHEN b2 IS NULL THEN b1 END AS "prediction", b2 AS "reason" FROM """
        """(SELECT k0, b2, '0.0'::pg_catalog.float8 + b0 AS b1 FROM """
        """(SELECT "i""d" AS k0, '1.5'::pg_catalog.float8 AS b0, NULL::pg_catalog.text AS b2 """
        """FROM "t" OFFSET 0) AS l0 OFFSET 0) AS l1"""
    )
    assert compile_model(leaf, SparkSQL()).query("`t`", ["i`d"]) == (
        "SELECT k0 AS `i``d`, CASE WHEN b2 IS NULL THEN b1 END AS `prediction`, b2 AS `reason` FROM "
        "(SELECT k0, b2, 0.0D + b0 AS b1 FROM "
        "(SELECT `i``d` AS k0, 1.5D AS b0, CAST(NULL AS STRING) AS b2 FROM `t`) AS l0) AS l1"
    )


HUGE = Leaf(values=(1e305,))


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        (Distances(centers=((1e200,),)), "a centre of 1e+200.\n  looked: expected numbers up to 1e+151"),
        (
            Linear(coefficients=((1.0,),), intercepts=(-1e305,)),
            "an intercept of 1e+305.\n  looked: expected numbers up to 5e+304",
        ),
        (
            Ensemble(trees=(Tree(root=HUGE), Tree(root=HUGE))),
            "a sum of leaves of 2e+305.\n  looked: expected numbers up to 1e+305",
        ),
    ],
)
def test_a_model_whose_own_numbers_overflow_is_refused(scorer, said):
    decision = Nearest() if isinstance(scorer, Distances) else Value()
    with pytest.raises(SpecError) as caught:
        compile_model(Model(features=FEATURES[:1], scorer=scorer, decision=decision), PostgreSQL())
    assert str(caught.value) == f"The model has {said}"
