"""Versions that MLflow's flavors of XGBoost and LightGBM have written are read as they are; a pickle among them is not."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
import yaml

from landfall.deployments.registered import columns_of, find_registered
from landfall.errors import ModelError
from landfall.models.registry import registry
from landfall.scoring.form import Classes, Ensemble, Value
from landfall.spec import Settings

ROWS = pd.DataFrame(np.random.default_rng(1).normal(size=(300, 2)), columns=["size", "weight of it"])
LABEL = (ROWS.sum(axis=1) > 0).astype(int)
Put = Callable[[Callable[[Path], object]], Any]


@pytest.fixture
def put(local_settings: Settings) -> Iterator[Put]:
    """Registers what a function saves to a folder, and finds it as `landfall deploy` does."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    folder = Path(local_settings.mlflow_artifacts, name)

    def registered(save: Callable[[Path], object]) -> Any:
        save(folder / "model")
        with registry(local_settings) as client:
            client.create_registered_model(name)
            client.create_model_version(name, (folder / "model").as_uri())
        return find_registered(local_settings, name, "1")

    yield registered
    with registry(local_settings) as client:
        client.delete_registered_model(name)


@pytest.mark.parametrize("written", ["ubj", "json"])
def test_a_classifier_of_xgboost_is_read_up_to_its_best_iteration(put: Put, written: str) -> None:
    model = xgboost.XGBClassifier(n_estimators=200, learning_rate=0.7, early_stopping_rounds=2)
    model.fit(ROWS[:200], LABEL[:200], eval_set=[(ROWS[200:], LABEL[200:])], verbose=False)

    found = put(lambda folder: mlflow.xgboost.save_model(model, str(folder), model_format=written))

    assert [column.name for column in found.form.inputs] == list(ROWS)
    assert isinstance(found.form.scorer, Ensemble)
    assert len(found.form.scorer.trees) == model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    assert found.form.decision == Classes(labels=(0.0, 1.0), probability="logistic", cut=found.form.decision.cut)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_booster_of_numbers_alone_gets_its_columns_from_the_signature(put: Put, library: str) -> None:
    values, signature = ROWS.to_numpy(), mlflow.models.infer_signature(ROWS)
    booster = (
        xgboost.train({}, xgboost.DMatrix(values, values[:, 0]), 3)
        if library == "xgboost"
        else lightgbm.train({"verbose": -1}, lightgbm.Dataset(values, values[:, 0]), 3)
    )

    found = put(lambda folder: getattr(mlflow, library).save_model(booster, str(folder), signature=signature))

    assert [column.name for column in found.form.inputs] == list(ROWS)
    assert found.form.decision == Value()


def test_a_booster_of_lightgbm_is_read_and_its_pickled_classes_are_not(put: Put) -> None:
    table = ROWS.rename(columns={"weight of it": "weight"})  # LightGBM puts `_` in the place of a space
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(table, LABEL)

    found = put(lambda folder: mlflow.lightgbm.save_model(model.booster_, str(folder)))

    assert [column.name for column in found.form.inputs] == ["size", "weight"]
    assert found.form.decision == Classes(labels=(0.0, 1.0), probability="logistic")


def test_a_pickle_of_lightgbm_is_refused_with_what_to_log_instead(put: Put) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS.to_numpy(), LABEL)
    with pytest.raises(ModelError) as caught:
        put(lambda folder: mlflow.lightgbm.save_model(model, str(folder), serialization_format="cloudpickle"))

    assert (
        caught.value.what
        == "MLflow has kept this model of LightGBM as a pickle, which can run any code when it is loaded."
    )
    assert "mlflow.lightgbm.log_model(model.booster_, ...)" in caught.value.next


@pytest.mark.parametrize("flavor", [{"data": "../../../../etc/passwd"}, {"data": "/etc/passwd"}, {}, "x", None])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_strangers_flavor_reads_no_file_outside_of_the_version(put: Put, library: str, flavor: Any) -> None:
    """Nor does one that names no file end in anything but an error of ours."""

    def save(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {library: flavor}}))

    with pytest.raises(ModelError) as caught:
        put(save)
    assert "root:" not in str(caught.value)
    assert "could not be read" in caught.value.what or "lies outside this project's artifacts" in caught.value.what


@pytest.mark.parametrize(
    ("signature", "columns"),
    [
        ('{inputs: \'[{"name": "a", "type": "double"}]\'}', ["a"]),
        ('{inputs: \'[{"type": "tensor"}]\'}', []),
        ("{inputs: 'x'}", []),
        ("{inputs: null}", []),
        ("3", []),
    ],
)
def test_the_columns_of_a_signature(signature: str, columns: list[str]) -> None:
    assert columns_of(f"flavors: {{}}\nsignature: {signature}\n".encode()) == columns
