"""Pipelines of scikit-learn: their steps scored by PostgreSQL and held against `transform`, and what is refused."""

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import ensemble, linear_model, preprocessing, tree
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from landfall.errors import ModelError
from landfall.scoring import sklearn_models, sklearn_trees
from landfall.scoring.form import Linear, Model, Value
from landfall.scoring.scalars import Checked
from landfall.scoring.sklearn_form import STEPS, read_sklearn

COLUMNS = ["petal length", '"; DROP TABLE x --', "width"]


def flowers() -> pd.DataFrame:
    """Rows to learn from."""
    drawn = np.random.default_rng(7).normal(size=(120, 3)) * [1, 1e-3, 1e3]
    return pd.DataFrame(drawn, columns=COLUMNS)


def mixed() -> pd.DataFrame:
    """A table with texts, numbers that are missing, whole numbers and one column that does not vary."""
    drawn = np.random.default_rng(3)
    table = flowers()
    table.loc[::5, "width"] = math.nan
    table["sky"] = drawn.choice(["clear", "mist", "it's", "a\\b"], len(table))
    table["hour"] = drawn.integers(0, 4, len(table)).astype(float)
    table["same"] = 2.5
    return table


def steps() -> ColumnTransformer:
    """Every step that there is a form for, of which no two have the same effect."""
    unseen = {"handle_unknown": "use_encoded_value", "unknown_value": -3, "encoded_missing_value": -4}
    return ColumnTransformer(
        [
            ("texts", preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["sky"]),
            ("hours", preprocessing.OneHotEncoder(drop="first", sparse_output=False), ["hour"]),
            ("order", preprocessing.OrdinalEncoder(**unseen), ["sky", "width"]),
            ("filled", make_pipeline(SimpleImputer(strategy="median"), preprocessing.StandardScaler()), ["width"]),
            ("marked", SimpleImputer(missing_values=3.0, strategy="constant", fill_value=9.5), ["hour"]),
            ("standard", preprocessing.StandardScaler(), [COLUMNS[0], "same"]),
            ("least", preprocessing.MinMaxScaler((-1, 3)), COLUMNS[:2]),
            ("largest", preprocessing.MaxAbsScaler(), COLUMNS[:2]),
            ("robust", preprocessing.RobustScaler(), COLUMNS[:2]),
            ("scaled", preprocessing.RobustScaler(with_centering=False), COLUMNS[:1]),
            ("above", preprocessing.Binarizer(threshold=0.25), COLUMNS[:1]),
            ("bins", preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform"), COLUMNS[:1]),
            (
                "digits",
                preprocessing.FunctionTransformer(np.digitize, kw_args={"bins": [-1.0, 0.0, math.inf]}),
                ["width"],
            ),
        ],
        remainder="drop",
    )


def test_every_step_gives_the_librarys_number_bit_for_bit(database, exactness):
    """Each feature is read back as the model's value; what a step refuses has a reason."""
    table = mixed()
    names = list(table.columns)
    filled = make_pipeline(steps(), SimpleImputer(), linear_model.LinearRegression()).fit(table, table["hour"])
    features = [each.input.input.input for each in read_sklearn(filled).features]
    odd = [None, *exactness.odd, -1.0, 1.0, *exactness.around(filled[0].named_transformers_["bins"].bin_edges_[0])]
    rows: list[dict[Any, Any]] = [*table.head(30).to_dict("records")]
    rows += [{**rows[n % 30], name: value} for n, value in enumerate(odd) for name in (*COLUMNS, "hour", "same")]
    rows += [{**rows[0], "sky": value} for value in (None, "never seen", "it's")]
    expected = transformed(filled[0], pd.DataFrame(rows, columns=names))
    identity = Linear(coefficients=((1.0,),), intercepts=(0.0,))
    for position, feature in enumerate(features):
        model = Model(features=(feature,), scorer=identity, decision=Value())
        for row, wanted, (value, reason) in zip(rows, expected, database.score(model, rows), strict=True):
            if reason is None:
                assert wanted is None or exactness.bits([value]) == exactness.bits([wanted[position] + 0.0]), (
                    row,
                    feature,
                )
            else:
                assert wanted is None or "NaN" in reason or "null" in reason or "beyond" in reason, (row, reason)


def transformed(step: Any, table: pd.DataFrame) -> list[list[float] | None]:
    """What a step makes of each row; None where it refuses the row."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return list(step.transform(table).tolist())
    except ValueError:
        if len(table) == 1:
            return [None]
        half = len(table) // 2
        return transformed(step, table.iloc[:half]) + transformed(step, table.iloc[half:])


def test_an_unseen_category_is_refused_where_the_encoder_refuses_it(database):
    table = mixed()
    encoder = ColumnTransformer([("sky", preprocessing.OneHotEncoder(sparse_output=False), ["sky"])])
    fitted = make_pipeline(encoder, tree.DecisionTreeClassifier()).fit(table[["sky"]], table["hour"])
    model = read_sklearn(fitted)
    scored = database.score(model, [{"sky": None}, {"sky": "snow"}, {"sky": "mist"}])
    assert [row[1] for row in scored] == ["sky is null", "sky has a value that the model never saw", None]


def test_a_class_without_a_form_is_refused_with_those_that_have_one():
    fitted = ensemble.AdaBoostClassifier().fit(flowers(), flowers()["width"] > 0)
    with pytest.raises(ModelError) as caught:
        read_sklearn(fitted)
    first, known, following = str(caught.value).splitlines()
    assert first == "There is no form for the estimator `AdaBoostClassifier`. Did you mean `RandomForestClassifier`?"
    assert known.startswith("  looked: known: DecisionTreeRegressor, DecisionTreeClassifier, RandomForestRegressor, ")
    assert following == "  next: build the model of the classes that are known"


def test_the_page_names_what_has_a_form_and_nothing_else():
    """By its class's name; one name stands for the classifier and the regressor where a row of the table says so."""
    page = (Path(__file__).parents[2] / "docs/in_database.md").read_text(encoding="utf-8")
    table = page[page.index("| | scikit-learn |") : page.index("| | XGBoost")]
    named = set(re.findall(r"`(\w+)`", table))
    both = {name for name in sklearn_models.ESTIMATORS if name.endswith(("Classifier", "Regressor"))}
    stems = {name.removesuffix("Classifier").removesuffix("Regressor") for name in both}

    assert {name for name in {*sklearn_models.ESTIMATORS, *STEPS} - both if name not in named} == set()
    assert {stem for stem in stems if not named & {stem, f"{stem}Regressor", f"{stem}Classifier"}} == set()
    assert named - {*sklearn_models.ESTIMATORS, *STEPS, *stems, "Classifier", "Regressor", "digitize"} == set()


def test_a_setting_without_a_form_is_refused_by_its_name():
    scaled = make_pipeline(preprocessing.MinMaxScaler(clip=True), linear_model.LinearRegression())
    with pytest.raises(ModelError) as caught:
        read_sklearn(scaled.fit(flowers(), flowers()["width"]))
    assert str(caught.value) == (
        "`MinMaxScaler` with `clip` = True has no form in SQL.\n  left: nothing was compiled\n  next: fit it without `clip`"
    )


def test_a_tree_that_is_too_deep_is_refused(monkeypatch):
    monkeypatch.setattr(sklearn_trees, "DEEPEST", 3)
    fitted = tree.DecisionTreeRegressor(max_depth=4).fit(flowers(), flowers()["width"])
    with pytest.raises(ModelError) as caught:
        read_sklearn(fitted)
    assert str(caught.value) == (
        "A tree is 4 splits deep.\n  looked: expected 3 at most\n  left: nothing was compiled\n"
        "  next: fit it with a smaller `max_depth`"
    )


def test_a_model_that_was_fitted_without_names_is_refused():
    fitted = linear_model.LinearRegression().fit(flowers().to_numpy(), flowers()["width"])
    with pytest.raises(ModelError) as caught:
        read_sklearn(fitted)
    assert str(caught.value) == (
        "`LinearRegression` does not name its 3 columns.\n  looked: named: none\n"
        "  left: nothing was compiled\n  next: fit it on a table of pandas, or name the columns"
    )
    assert [column.name for column in read_sklearn(fitted, COLUMNS).inputs] == COLUMNS


def test_a_subclass_of_a_known_class_is_not_taken_for_it():
    class Other(linear_model.LinearRegression):
        pass

    with pytest.raises(ModelError, match="There is no form for the estimator `Other`"):
        read_sklearn(Other().fit(flowers(), flowers()["width"]))


def test_what_may_be_missing_is_what_the_library_lets_pass():
    fitted = tree.DecisionTreeRegressor().fit(flowers(), flowers()["width"])
    assert all(isinstance(each, Checked) and each.missing for each in read_sklearn(fitted).features)
    forced = tree.DecisionTreeRegressor(monotonic_cst=[0, 0, 1]).fit(flowers(), flowers()["width"])
    assert not any(isinstance(each, Checked) and each.missing for each in read_sklearn(forced).features)
