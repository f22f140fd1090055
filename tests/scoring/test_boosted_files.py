"""Files of XGBoost and LightGBM that have no form, that are damaged, or that a stranger wrote."""

import json
from contextlib import suppress
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from landfall.errors import LandfallError, ModelError
from landfall.scoring import read_lightgbm, read_xgboost
from landfall.scoring.ubjson import Reader

ROWS = np.random.default_rng(7).normal(size=(200, 3))
LABEL = ROWS @ np.array([1.0, -2.0, 0.5])
NAMES = ["a", "b", "c"]


def xgb(**settings: Any) -> xgboost.Booster:
    return xgboost.train({"max_depth": 2, **settings}, xgboost.DMatrix(ROWS, LABEL), num_boost_round=2)


def light(**settings: Any) -> lightgbm.Booster:
    return lightgbm.train({"verbose": -1, **settings}, lightgbm.Dataset(ROWS, LABEL), num_boost_round=2)


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(bytes(xgb().save_raw("json")))
    return read


def refused(content: bytes, columns: list[str] | None = None, *, text: bool = False) -> str:
    read = read_lightgbm if text else read_xgboost
    with pytest.raises(ModelError) as caught:
        read(content, NAMES if columns is None else columns)
    assert caught.value.next
    return caught.value.what + (f" ({caught.value.looked})" if caught.value.looked else "")


def test_what_xgboost_has_and_sql_has_not_is_refused_by_name():
    assert "the booster `gblinear`" in refused(bytes(xgb(booster="gblinear").save_raw("json")))
    assert "objective of XGBoost `survival:cox`" in refused(bytes(xgb(objective="survival:cox").save_raw("json")))
    both = xgboost.train({"multi_strategy": "multi_output_tree"}, xgboost.DMatrix(ROWS, ROWS[:, :2]), 1)
    assert "2 targets" in refused(bytes(both.save_raw("json")))
    table = pd.DataFrame({"a": pd.Categorical(np.digitize(ROWS[:, 0], [-1, 0, 1]))})
    categories = xgboost.train({}, xgboost.DMatrix(table, ROWS[:, 0], enable_categorical=True), 2)
    assert "categorical splits" in refused(bytes(categories.save_raw("json")))


def test_what_lightgbm_has_and_sql_has_not_is_refused_by_name():
    def told(booster: lightgbm.Booster) -> str:
        return refused(booster.model_to_string().encode(), text=True)

    assert "`linear_tree`" in told(light(linear_tree=True))
    assert "`zero_as_missing`" in told(light(zero_as_missing=True))
    assert "`reg_sqrt`" in told(light(reg_sqrt=True))
    data = lightgbm.Dataset(np.digitize(ROWS, [-1, 0, 1]), LABEL, categorical_feature=[0], free_raw_data=False)
    assert "categorical splits" in told(
        lightgbm.train({"verbose": -1, "min_data_per_group": 1, "cat_smooth": 1}, data, 9)
    )
    table = pd.DataFrame({"a": pd.Categorical(np.digitize(ROWS[:, 0], [-1, 0, 1]))})
    assert "columns of categories" in told(lightgbm.train({"verbose": -1}, lightgbm.Dataset(table, LABEL), 2))
    many = lightgbm.train(
        {"verbose": -1, "objective": "multiclassova", "num_class": 2}, lightgbm.Dataset(ROWS, LABEL > 0), 1
    )
    assert "objective of LightGBM `multiclassova`" in told(many)


@pytest.mark.parametrize("columns", [[], ["a"], ["a", "a", "b"]])
def test_columns_that_nobody_names_are_asked_for(columns):
    assert "does not name its 3 columns" in refused(bytes(xgb().save_raw("ubj")), columns)
    assert "does not name its 3 columns" in refused(
        light().model_to_string().encode().replace(b"Column_1", b"Column_0"), columns, text=True
    )


def damage(change: Any) -> bytes:
    found = document()
    change(found["learner"], found["learner"]["gradient_booster"]["model"]["trees"][0])
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda learner, tree: learner.pop("objective"), "KeyError"),
        (lambda learner, tree: tree["left_children"].__setitem__(0, 0), "node 0 of a tree is reached twice"),
        (lambda learner, tree: tree["right_children"].__setitem__(0, 99), "a tree has no node 99"),
        (lambda learner, tree: tree["right_children"].__setitem__(0, -2), "has no node"),
        (lambda learner, tree: tree["split_indices"].__setitem__(0, 7), "a split takes feature 7 of 3"),
        (lambda learner, tree: tree["split_conditions"].__setitem__(0, "x"), "ValueError"),
        (lambda learner, tree: learner["learner_model_param"].update(base_score="[1, 2]"), "base_score has 2 numbers"),
        (lambda learner, tree: learner.update(gradient_booster=[]), "TypeError"),
    ],
)
def test_a_damaged_file_of_xgboost_is_told(change, told):
    assert told in refused(damage(change))


@pytest.mark.parametrize("content", [b"", b"x", b"{", b"{}", b"[1]", b'{"learner": 1}', b"{L", b"\x80\x04."])
def test_what_is_no_file_of_xgboost_is_told(content):
    assert "The" in refused(content)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"version=", b"was="),
        (b"\nleft_child=", b"\nleft_child=0 "),
        (b"\nthreshold=", b"\nthreshold=x "),
        (b"max_feature_idx=2", b"max_feature_idx=0"),
        (b"\nleaf_value=", b"\nleaf_worth="),
    ],
)
def test_a_damaged_file_of_lightgbm_is_told(before, after):
    content = light().model_to_string().encode()
    assert before in content
    refused(content.replace(before, after), ["a"] if b"idx" in before else NAMES, text=True)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"tree\n", b"tree\nversion=v4\n"])
def test_what_is_no_file_of_lightgbm_is_told(content):
    refused(content, text=True)


def test_universal_binary_json_is_read_as_the_json_of_the_same_model():
    booster = xgb(booster="dart", rate_drop=0.5)
    text, binary = json.loads(bytes(booster.save_raw("json"))), Reader(bytes(booster.save_raw("ubj"))).document()
    assert binary["learner"].keys() == text["learner"].keys()
    one, other = (each["learner"]["gradient_booster"]["gbtree"]["model"]["trees"] for each in (text, binary))
    assert [tree["left_children"] for tree in one] == [tree["left_children"] for tree in other]
    for tree, same in zip(one, other, strict=True):
        assert np.float32(tree["split_conditions"]).tolist() == same["split_conditions"]


@given(st.integers(0, 5000), st.binary(min_size=1, max_size=9), st.booleans())
def test_a_changed_or_cut_file_gives_a_model_or_an_error_of_ours(at, garbage, cut):
    """Never another exception, a loop, or memory for a length that is not there."""
    content = CONTENT[: at % len(CONTENT)] + (b"" if cut else garbage + CONTENT[at % len(CONTENT) + len(garbage) :])
    with suppress(LandfallError):
        read_xgboost(content, NAMES)


CONTENT = bytes(xgb().save_raw("ubj"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[" * 60, "nested more than 50 deep"),
        (b"{L" + b"\x7f" * 8, "bytes are wanted"),
        (b"[$d#L" + b"\x7f" * 8, "bytes are wanted"),
        (b"[#L" + b"\x7f" * 8, "longer than the file"),
        (b"[$S#i\x01", "an array is of type `S`"),
        (b"Sd\x00\x00\x00\x00", "a length is marked `d`"),
        (b"Si\xff", "bytes are wanted"),
        (b"?", "`?` marks no value"),
        (b"TT", "1 bytes follow"),
    ],
)
def test_hostile_binary_json_is_refused(content, told):
    with pytest.raises(ModelError) as caught:
        Reader(content).document()
    assert told in caught.value.looked
