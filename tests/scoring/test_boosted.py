"""Models of XGBoost and LightGBM, read from their own files and scored by PostgreSQL, held against the library row by row."""

import math
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost

from landfall.scoring import read_lightgbm, read_xgboost
from landfall.scoring.float32 import FLOAT32
from landfall.scoring.form import Classes, Ensemble, Model, Value

COLUMNS = ["petal length", '"; DROP TABLE x --', "width"]
CLOSE = 1e-6
"""How far `exp` in float32 is from that in doubles, relative to 1 or the number."""


def flowers(*, missing: bool = True, rows: int = 400) -> pd.DataFrame:
    """Rows to learn from; every fifth width is missing if `missing`. The first column is mostly not negative."""
    drawn = np.random.default_rng(7).normal(size=(rows, 3)) * [1, 1e-3, 1e3] + [2, 0, 0]
    table = pd.DataFrame(drawn, columns=COLUMNS)
    if missing:
        table.loc[::5, "width"] = math.nan
    return table


def labels(table: pd.DataFrame, classes: int = 0) -> np.ndarray:
    """A number for each row, or one of `classes` classes."""
    total = table.fillna(0.0) @ np.array([1, 1e3, 1e-3]) + np.random.default_rng(3).normal(size=len(table))
    return np.digitize(total, np.linspace(1, 3, classes - 1)) if classes else total.to_numpy()


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype(float)


def hard_rows(model: Model, exactness: Any, beyond: list[float]) -> list[dict[str, Any]]:
    """Rows on thresholds of each feature and beside them, as doubles and as floats, with odd numbers, and without a value."""
    rows: list[dict[Any, Any]] = flowers().head(40).to_dict("records")
    thresholds = exactness.thresholds(model)
    with np.errstate(over="ignore"):
        for number, (feature, value) in enumerate(thresholds[:: max(1, len(thresholds) // 150)]):
            for near in exactness.around([value, float(np.float32(value))]):
                rows.append({**rows[number % 40], COLUMNS[feature]: near})
    odd = [None, *exactness.odd, *beyond]
    return rows + [{**rows[n], name: value} for n, value in enumerate(odd) for name in COLUMNS]


def held(
    database: Any, model: Model, exactness: Any, expected: Callable[[pd.DataFrame], Any], beyond: list[float]
) -> int:
    """Holds the SUM of each row against the library's, bit for bit, in a statement and by a trigger. Gives the rows compared."""
    rows = hard_rows(model, exactness, beyond)
    margins = np.asarray(expected(frame(rows)), dtype=float).reshape(len(rows), -1)
    compared = 0
    raw = raw_model(model)
    for score in (database.score, database.score_by_trigger):
        for row, margin, (prediction, reason, *shares) in zip(rows, margins, score(raw, rows), strict=True):
            if reason is not None:
                assert any(value is not None and abs(value) > FLOAT32 for value in row.values()), (row, reason)
                continue
            assert exactness.bits(shares or [prediction]) == exactness.bits(margin), row
            compared += 1
    return compared


def raw_model(model: Model) -> Model:
    """The model without its link: its prediction, or the `probabilities` of its classes, are the sums themselves."""
    count = model.scorer.scores
    decision = Value() if count == 1 else Classes(labels=tuple(map(float, range(count))), probability="scores")
    return Model(features=model.features, scorer=model.scorer, decision=decision)


def finite(table: pd.DataFrame) -> pd.DataFrame:
    """XGBoost refuses a whole table for one number that float32 cannot hold; here it is put in its place and not compared."""
    return table.where(~(table.abs() > FLOAT32), 0.0)


XGBOOST: dict[str, dict[str, Any]] = {
    "values": {"objective": "reg:squarederror"},
    "counts": {"objective": "count:poisson"},
    "a share": {"objective": "reg:logistic"},
    "two classes": {"objective": "binary:logistic"},
    "three classes": {"objective": "multi:softprob", "num_class": 3},
    "trees that drop out": {"objective": "reg:absoluteerror", "booster": "dart", "rate_drop": 0.4},
    "boosted forests": {"objective": "reg:squarederror", "num_parallel_tree": 4, "subsample": 0.6},
    "a base score of its own": {"objective": "binary:logistic", "base_score": 0.3},
}


def boosted(name: str, rounds: int = 25) -> xgboost.Booster:
    table, settings = flowers(), XGBOOST[name]
    label = labels(table, {"two": 2, "three": 3}.get(name.split()[0], 0))
    if name == "counts":
        label = np.abs(np.round(label))
    elif name in ("a share", "a base score of its own"):
        label = labels(table, 2)
    data = xgboost.DMatrix(table, label)
    return xgboost.train({**settings, "max_depth": 5, "seed": 1}, data, num_boost_round=rounds)


@pytest.mark.parametrize("name", XGBOOST)
@pytest.mark.parametrize("written", ["json", "ubj"])
def test_the_sums_of_xgboost_are_the_librarys_bit_for_bit(name, written, database, exactness):
    booster = boosted(name)
    model = read_xgboost(bytes(booster.save_raw(written)))

    def margins(table: pd.DataFrame) -> Any:
        return booster.predict(xgboost.DMatrix(finite(table)), output_margin=True)

    assert [column.name for column in model.inputs] == COLUMNS
    assert held(database, model, exactness, margins, exactness.around([FLOAT32, -FLOAT32])) > 1000


@pytest.mark.parametrize("name", XGBOOST)
def test_the_predictions_of_xgboost_are_close_and_its_classes_the_same(name, database, exactness):
    booster = boosted(name)
    model = read_xgboost(bytes(booster.save_raw("ubj")))
    table = flowers()
    rows, told = table.to_dict("records"), booster.predict(xgboost.DMatrix(table))
    for expected, (prediction, reason, *shares) in zip(told, database.score(model, rows), strict=True):
        assert reason is None
        if isinstance(model.decision, Value):
            exactness.close([prediction], [float(expected)], CLOSE)
            continue
        expected_shares = [1 - expected, expected] if np.ndim(expected) == 0 else expected
        exactness.close(shares, [float(share) for share in expected_shares], CLOSE)
        near = sorted(expected_shares)[-2:]
        assert prediction == np.argmax(expected_shares) or near[1] - near[0] < CLOSE


def test_a_margin_of_almost_nothing_is_no_second_class(database):
    """1 / (1 + exp(-x)) is a half in float32 for x up to about 9e-8, and `XGBClassifier` then says the first class."""
    table = flowers().head(50)
    fitted = xgboost.XGBClassifier(n_estimators=1, learning_rate=0.0, base_score=0.5).fit(table, labels(table, 2))
    model = read_xgboost(bytes(fitted.get_booster().save_raw("json")))
    assert fitted.predict(table).tolist() == [row[0] for row in database.score(model, table.to_dict("records"))]
    assert set(fitted.predict(table)) == {0}


def test_a_model_that_stopped_early_predicts_up_to_its_best_iteration(database, exactness):
    table = flowers()
    label = labels(table)
    fitted = xgboost.XGBRegressor(n_estimators=300, learning_rate=0.6, early_stopping_rounds=3)
    fitted.fit(table[:200], label[:200], eval_set=[(table[200:], label[200:])], verbose=False)
    content, rows = bytes(fitted.get_booster().save_raw("ubj")), table.to_dict("records")
    best, whole = read_xgboost(content, best=True), read_xgboost(content)
    told = [(best, fitted.predict(table)), (whole, fitted.get_booster().predict(xgboost.DMatrix(table)))]

    assert isinstance(best.scorer, Ensemble)
    assert isinstance(whole.scorer, Ensemble)
    assert len(best.scorer.trees) < len(whole.scorer.trees)
    for model, expected in told:
        assert [row[0] for row in database.score(model, rows)] == expected.astype(float).tolist()


LIGHTGBM: dict[str, dict[str, Any]] = {
    "values": {"objective": "regression"},
    "values without a start": {"objective": "regression_l1", "boost_from_average": False},
    "counts": {"objective": "poisson"},
    "two classes": {"objective": "binary", "sigmoid": 0.7},
    "three classes": {"objective": "multiclass", "num_class": 3},
    "two classes of a forest": {"objective": "binary", "boosting": "rf", "bagging_fraction": 0.6, "bagging_freq": 1},
    "a forest": {"objective": "regression", "boosting": "rf", "bagging_fraction": 0.6, "bagging_freq": 1},
    "trees that drop out": {"objective": "regression", "boosting": "dart", "drop_rate": 0.4},
}


def light(name: str, *, missing: bool, **settings: Any) -> lightgbm.Booster:
    table = flowers(missing=missing)
    label = labels(table, {"two": 2, "three": 3}.get(name.split()[0], 0))
    if name == "counts":
        label = np.abs(np.round(label))
    all_settings = {**LIGHTGBM[name], "verbose": -1, "min_data_in_leaf": 5, "seed": 1, **settings}
    # Its own names may hold no quotes: columns are named when the file is read.
    return lightgbm.train(all_settings, lightgbm.Dataset(table.to_numpy(), label), num_boost_round=25)


@pytest.mark.parametrize("missing", [True, False], ids=["missing values", "none missing"])
@pytest.mark.parametrize("name", LIGHTGBM)
def test_the_sums_of_lightgbm_are_the_librarys_bit_for_bit(name, missing, database, exactness):
    booster = light(name, missing=missing)
    model = read_lightgbm(booster.model_to_string().encode(), COLUMNS)

    assert [column.name for column in model.inputs] == COLUMNS
    over = booster.num_trees() if "forest" in name else 1  # what LightGBM calls raw is the sum, not the mean
    count = held(
        database,
        model,
        exactness,
        lambda table: np.asarray(booster.predict(table.to_numpy(), raw_score=True)) / over,
        [],
    )
    assert count == 2 * len(hard_rows(model, exactness, []))  # infinity is a number like others


@pytest.mark.parametrize("name", ["counts", "two classes", "three classes", "two classes of a forest"])
def test_the_predictions_of_lightgbm_are_close_and_its_classes_the_same(name, database, exactness):
    booster = light(name, missing=True)
    model = read_lightgbm(booster.model_to_string().encode(), COLUMNS)
    table = flowers()
    scored = database.score(model, table.to_dict("records"))
    for expected, (prediction, reason, *shares) in zip(booster.predict(table.to_numpy()), scored, strict=True):
        assert reason is None
        if name == "counts":
            exactness.close([prediction], [expected], 1e-13)
            continue
        expected_shares = [1 - expected, expected] if np.ndim(expected) == 0 else expected
        exactness.close(shares, expected_shares, 1e-14)
        assert prediction == np.argmax(expected_shares)


def test_a_tree_of_one_leaf_is_a_constant(database):
    table = flowers().head(20)
    one = lightgbm.train({"verbose": -1, "min_data_in_leaf": 50}, lightgbm.Dataset(table.to_numpy(), np.ones(20)), 2)
    two = xgboost.train({"max_depth": 0, "gamma": 1e9}, xgboost.DMatrix(table, np.ones(20)), 2)
    for model, expected in (
        (read_lightgbm(one.model_to_string().encode(), COLUMNS), one.predict(table.to_numpy())[0]),
        (read_xgboost(bytes(two.save_raw("json"))), two.predict(xgboost.DMatrix(table))[0]),
    ):
        assert [row[0] for row in database.score(model, table.to_dict("records"))] == [float(expected)] * 20


@pytest.mark.parametrize("library", ["XGBoost", "LightGBM"])
def test_spark_sums_as_postgresql_does(library, database, spark_rows, exactness):
    if library == "XGBoost":
        model = read_xgboost(bytes(boosted("three classes", rounds=6).save_raw("ubj")))
    else:
        model = read_lightgbm(light("two classes", missing=True).model_to_string().encode(), COLUMNS)
    rows = hard_rows(model, exactness, [])
    ours, theirs = (each.score(raw_model(model), rows) for each in (database, spark_rows))
    for row, one, other in zip(rows, ours, theirs, strict=True):
        assert one[1] == other[1]
        assert one[1] or exactness.bits([one[0], *one[2:]]) == exactness.bits([other[0], *other[2:]]), row
