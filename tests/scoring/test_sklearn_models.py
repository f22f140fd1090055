"""Models of scikit-learn scored by PostgreSQL, held against `predict` and `predict_proba` row by row."""

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import cluster, ensemble, linear_model, naive_bayes, preprocessing, svm, tree
from sklearn.pipeline import make_pipeline

from landfall.errors import ModelError
from landfall.scoring.float32 import FLOAT32, threshold
from landfall.scoring.form import Classes, Model, Value
from landfall.scoring.sklearn_form import read_sklearn

COLUMNS = ["petal length", '"; DROP TABLE x --', "width"]


def flowers(*, missing: bool = False, rows: int = 120) -> pd.DataFrame:
    """Rows to learn from; some of the last column's values are missing if `missing`."""
    drawn = np.random.default_rng(7).normal(size=(rows, 3)) * [1, 1e-3, 1e3]
    table = pd.DataFrame(drawn, columns=COLUMNS)
    if missing:
        table.loc[::5, "width"] = math.nan
    return table


def classes(table: pd.DataFrame, count: int) -> "pd.Series[Any]":
    """A class for each row, from 0."""
    total = table.fillna(0.0) @ np.array([1, 1e3, 1e-3])
    return pd.Series(np.digitize(total, np.linspace(-1, 1, count - 1) if count > 2 else [0.0]))


def told(estimator: Any, rows: pd.DataFrame) -> list[Any]:
    """(prediction, probability of each class) that the library gives of each row; None where it refuses the row."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            predicted = estimator.predict(rows)
            shares = estimator.predict_proba(rows) if hasattr(estimator, "predict_proba") else np.zeros((len(rows), 0))
    except ValueError:
        if len(rows) == 1:
            return [None]
        half = len(rows) // 2
        return told(estimator, rows.iloc[:half]) + told(estimator, rows.iloc[half:])
    return [(one, *more) for one, more in zip(predicted.tolist(), shares.tolist(), strict=True)]


def hard_rows(model: Model, exactness: Any) -> list[dict[str, Any]]:
    """Rows on every threshold and beside it, with every odd number in every column, and without a value."""
    rows: list[dict[Any, Any]] = flowers().head(40).to_dict("records")
    number = 0
    for feature, value in exactness.thresholds(model) if hasattr(model.scorer, "trees") else ():
        for near in exactness.around([value, float(np.float32(value))]):
            number += 1
            rows.append({**rows[number % 40], COLUMNS[feature]: near})
    odd = [None, *exactness.odd, *exactness.around([FLOAT32, -FLOAT32])]
    return rows + [{**rows[n], name: value} for n, value in enumerate(odd) for name in COLUMNS]


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype(float)


TREES = {
    "a tree of classes": tree.DecisionTreeClassifier(max_depth=6, random_state=1),
    "a tree of values": tree.DecisionTreeRegressor(max_depth=6, random_state=1),
    "a forest of classes": ensemble.RandomForestClassifier(n_estimators=40, max_depth=5, random_state=1),
    "a forest of values": ensemble.RandomForestRegressor(n_estimators=7, max_depth=6, random_state=1),
    "randomized trees of classes": ensemble.ExtraTreesClassifier(n_estimators=20, max_depth=5, random_state=1),
    "randomized trees of values": ensemble.ExtraTreesRegressor(n_estimators=7, max_depth=6, random_state=1),
    "boosted values": ensemble.GradientBoostingRegressor(n_estimators=35, max_depth=3, random_state=1),
    "boosted values from zero": ensemble.GradientBoostingRegressor(n_estimators=5, init="zero", random_state=1),
}


@pytest.mark.parametrize("name", TREES)
def test_trees_give_the_librarys_numbers_bit_for_bit(name, database, exactness):
    """Also of rows on a threshold, one float and one double beside it, NaN, infinity and what float32 cannot hold."""
    missing = "boosted" not in name
    table = flowers(missing=missing)
    label = classes(table, 3) if "classes" in name else table.iloc[:, 0] * 3
    fitted = TREES[name].fit(table, label)
    model = read_sklearn(fitted)
    rows = hard_rows(model, exactness)
    for score in (database.score, database.score_by_trigger):
        for row, expected, (prediction, reason, *shares) in zip(
            rows, told(fitted, frame(rows)), score(model, rows), strict=True
        ):
            if expected is None:
                assert (prediction, set(shares)) in ((None, {None}), (None, set()))
                assert reason.split(" is ")[1] in ("null", "NaN", f"beyond {FLOAT32!r}")
            else:
                assert reason is None, (row, reason)
                assert exactness.bits([prediction, *shares]) == exactness.bits(expected), row


@pytest.mark.parametrize(("loss", "count"), [("log_loss", 2), ("log_loss", 3), ("exponential", 2)])
def test_boosted_classes_are_the_librarys_and_probabilities_within_a_few_ulps(loss, count, database, exactness):
    """The margins are the same bit for bit, so is the class; `exp` is another one, so probabilities differ by 1e-15 at most."""
    table = flowers()
    fitted = ensemble.GradientBoostingClassifier(n_estimators=15, loss=loss, random_state=1).fit(
        table, classes(table, count)
    )
    model = read_sklearn(fitted)
    rows = hard_rows(model, exactness)
    for expected, (prediction, _, *shares) in zip(told(fitted, frame(rows)), database.score(model, rows), strict=True):
        assert prediction == (expected and expected[0])
        if expected:
            exactness.close(shares, expected[1:], 1e-15)


def test_texts_are_predicted_where_classes_are_texts(database):
    table = flowers()
    names = classes(table, 3).map({0: "it's a", 1: "b\\", 2: 'c"'})
    fitted = tree.DecisionTreeClassifier(random_state=1).fit(table, names)
    predicted = [row[0] for row in database.score(read_sklearn(fitted), table.to_dict("records"))]
    assert predicted == fitted.predict(table).tolist()
    assert len(set(predicted)) == 3


def test_a_linear_model_is_within_the_rounding_of_its_terms(database, exactness):
    """scikit-learn leaves the order of the sum to its BLAS: the bound is 2^-52 for each term, of the sum of their sizes."""
    table = flowers()
    fitted = linear_model.LinearRegression().fit(table, table @ np.array([1.5, 200.0, -1e-4]) + 0.25)
    model = read_sklearn(fitted)
    rows = hard_rows(model, exactness)
    scored = database.score(model, rows)
    for row, expected, (prediction, reason) in zip(rows, told(fitted, frame(rows)), scored, strict=True):
        if reason is None:
            size = sum(abs(row[name] * factor) for name, factor in zip(COLUMNS, fitted.coef_, strict=True))
            assert abs(prediction - expected[0]) <= 4 * 2**-52 * (size + abs(fitted.intercept_))
        else:
            assert expected is None or "beyond 1e+30" in reason, (row, reason)
    assert [row[1] for row in scored[-63:-60]] == [f"{name} is null" for name in COLUMNS]


HISTOGRAMS = {
    "values": (ensemble.HistGradientBoostingRegressor(max_iter=20), 0),
    "counts": (ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=20), 0),
    "two classes": (ensemble.HistGradientBoostingClassifier(max_iter=20), 2),
    "three classes": (ensemble.HistGradientBoostingClassifier(max_iter=12), 3),
}


@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("name", HISTOGRAMS)
def test_boosted_histograms_sum_as_the_library_bit_for_bit(name, missing, database, exactness):
    """Their sums are the library's, also of infinity and of values that are missing; `exp` differs by 1e-14 at most."""
    table = flowers(missing=missing, rows=300)
    estimator, count = HISTOGRAMS[name]
    label = classes(table, count) if count else table.iloc[:, 0].abs() * 3
    fitted = estimator.fit(table, label)
    model = read_sklearn(fitted)
    rows = hard_rows(model, exactness)
    sums = fitted._raw_predict(frame(rows)).tolist()
    scores = len(sums[0])
    decision = Value() if scores == 1 else Classes(labels=tuple(map(float, range(scores))), probability="scores")
    raw = Model(features=model.features, scorer=model.scorer, decision=decision)
    for expected, (prediction, reason, *shares) in zip(sums, database.score_by_trigger(raw, rows), strict=True):
        assert reason is None
        assert exactness.bits(shares or [prediction]) == exactness.bits(expected)
    for expected, (prediction, _, *shares) in zip(told(fitted, frame(rows)), database.score(model, rows), strict=True):
        exactness.close([prediction, *shares], expected, 1e-14)


def test_boosted_histograms_of_categories_are_refused_by_name():
    table = flowers().assign(width=lambda rows: (rows["width"] > 0).astype(int))
    fitted = ensemble.HistGradientBoostingRegressor(categorical_features=[2]).fit(table, table.iloc[:, 0])
    with pytest.raises(ModelError, match="`categorical_features` = set has no form in SQL"):
        read_sklearn(fitted)


LINEAR = {
    "Ridge": linear_model.Ridge(),
    "Lasso": linear_model.Lasso(alpha=0.01),
    "ElasticNet": linear_model.ElasticNet(alpha=0.01),
    "Lars": linear_model.Lars(),
    "BayesianRidge": linear_model.BayesianRidge(),
    "Huber": linear_model.HuberRegressor(max_iter=1000),
    "SGD": linear_model.SGDRegressor(random_state=1),
    "LinearSVR": svm.LinearSVR(random_state=1, max_iter=10_000),
    "Poisson": linear_model.PoissonRegressor(),
    "Gamma": linear_model.GammaRegressor(),
    "Tweedie": linear_model.TweedieRegressor(power=1.5),
    "Tweedie without a link": linear_model.TweedieRegressor(power=0, link="identity"),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_of_every_kind_are_close(name, database, exactness):
    table = flowers()
    label = (table @ np.array([1.5, 200.0, -1e-4])).abs() + 0.25
    fitted = make_pipeline(preprocessing.StandardScaler(), LINEAR[name]).fit(table, label)
    rows = table.to_dict("records")
    scored = database.score(read_sklearn(fitted), rows)
    for expected, (prediction, reason) in zip(told(fitted, table), scored, strict=True):
        assert reason is None
        exactness.close([prediction], expected, 1e-14)


@pytest.mark.parametrize("binarize", [0.0, 0.3, None])
def test_bernoulli_bayes_is_close(binarize, database, exactness):
    """Also of rows at the number above which a feature counts as 1, and beside it."""
    table = flowers() if binarize is not None else (flowers() > 0).astype(float)
    fitted = naive_bayes.BernoulliNB(binarize=binarize).fit(table, classes(flowers(), 3))
    rows: list[dict[Any, Any]] = table.to_dict("records")
    if binarize is not None:
        rows += [{**rows[0], name: near} for name in COLUMNS for near in exactness.around([binarize])]
    scored = database.score(read_sklearn(fitted), rows)
    for expected, (prediction, reason, *shares) in zip(told(fitted, frame(rows)), scored, strict=True):
        assert (prediction, reason) == (expected[0], None)
        exactness.close(shares, expected[1:], 1e-14)


SUMS = {
    "logistic of two": (linear_model.LogisticRegression(), 2),
    "logistic of three": (linear_model.LogisticRegression(), 3),
    "Gaussian Bayes": (naive_bayes.GaussianNB(), 3),
    "k-means": (cluster.KMeans(3, n_init=1, random_state=1), 3),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_products_decide_as_the_library_and_are_close(name, database, exactness):
    """The class or cluster is the same unless two are as good within 1e-9; probabilities differ by 1e-13 at most."""
    estimator, count = SUMS[name]
    table = flowers()
    fitted = make_pipeline(preprocessing.StandardScaler(), estimator).fit(table, classes(table, count))
    model = read_sklearn(fitted)
    rows = [
        row
        for row in hard_rows(model, exactness)
        if all(v is None or not 1e9 < abs(v) < math.inf for v in row.values())
    ]
    compared = 0
    for row, expected, (prediction, reason, *shares) in zip(
        rows, told(fitted, frame(rows)), database.score(model, rows), strict=True
    ):
        if expected is None:
            assert reason is not None
            assert prediction is None
            continue
        assert reason is None, (row, reason)
        exactness.close(shares, expected[1:], 1e-13)
        compared += 1
        near = sorted(expected[1:])[-2:]
        assert prediction == expected[0] or (near and near[1] - near[0] < 1e-9), row
    assert compared > 50


def test_multinomial_bayes_of_scaled_features_is_close(database, exactness):
    table = flowers()
    fitted = make_pipeline(preprocessing.MinMaxScaler(), naive_bayes.MultinomialNB()).fit(table, classes(table, 3))
    rows = table.to_dict("records")
    for expected, (prediction, reason, *shares) in zip(
        told(fitted, table), database.score(read_sklearn(fitted), rows), strict=True
    ):
        assert (prediction, reason) == (expected[0], None)
        exactness.close(shares, expected[1:], 1e-14)


@given(st.floats(width=64, allow_nan=False, min_value=-3.4e38, max_value=3.4e38))
def test_the_threshold_of_doubles_splits_them_as_float32_does(value):
    edge = threshold(value)
    above = math.nextafter(edge, math.inf)
    with np.errstate(over="ignore"):
        assert edge == math.inf or float(np.float32(edge)) <= value
        assert above == math.inf or abs(above) > FLOAT32 or float(np.float32(above)) > value
