"""Metrics of parts add up to those of the whole, and are those of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score, root_mean_squared_error

from spark_jobs.training.measures import Errors, Hits

CHANCE = np.random.default_rng(7)
ACTUAL = CHANCE.integers(0, 500, 300).astype(float)
PREDICTED = ACTUAL + CHANCE.normal(0, 30, 300)
CLASSES = CHANCE.integers(0, 4, 300).astype(float)
TOLD = np.where(CHANCE.random(300) < 0.7, CLASSES, CHANCE.integers(0, 5, 300))


def errors(actual: "np.typing.NDArray[np.float64]", predicted: "np.typing.NDArray[np.float64]") -> Errors:
    off = predicted - actual
    return Errors(
        rows=len(off),
        lowest=float(predicted.min()),
        highest=float(predicted.max()),
        square=float((off**2).mean()),
        size=float(abs(off).mean()),
        mean=float(actual.mean()),
        variance=float(actual.var()),
    )


def hits(actual: "np.typing.NDArray[np.float64]", told: "np.typing.NDArray[np.float64]") -> Hits:
    pairs = list(zip(actual.tolist(), told.tolist(), strict=True))
    return Hits(pairs={pair: pairs.count(pair) for pair in pairs})


def test_the_metrics_of_regression_are_those_of_scikit_learn() -> None:
    assert errors(ACTUAL, PREDICTED).metrics() == pytest.approx(
        {
            "rmse": root_mean_squared_error(ACTUAL, PREDICTED),
            "mae": mean_absolute_error(ACTUAL, PREDICTED),
            "r2": r2_score(ACTUAL, PREDICTED),
        }
    )


def test_the_metrics_of_classification_are_those_of_scikit_learn() -> None:
    assert hits(CLASSES, TOLD).metrics() == pytest.approx(
        {"accuracy": accuracy_score(CLASSES, TOLD), "f1": f1_score(CLASSES, TOLD, average="weighted")}
    )


def test_errors_of_parts_add_up_to_those_of_the_whole() -> None:
    parts = [errors(ACTUAL[one:two], PREDICTED[one:two]) for one, two in ((0, 7), (7, 190), (190, 300))]
    whole, added = errors(ACTUAL, PREDICTED), parts[0] + parts[1] + parts[2]
    assert (added.rows, added.lowest, added.highest) == (300, whole.lowest, whole.highest)
    assert added.metrics() == pytest.approx(whole.metrics())


def test_hits_of_parts_add_up_to_those_of_the_whole() -> None:
    whole, added = hits(CLASSES, TOLD), hits(CLASSES[:50], TOLD[:50]) + hits(CLASSES[50:], TOLD[50:])
    assert added == whole
    assert (added.rows, added.lowest, added.highest) == (300, 0.0, 4.0)


def test_r2_of_a_label_that_never_changes_is_zero() -> None:
    assert errors(np.ones(4), np.array([1.0, 1.0, 2.0, 2.0])).metrics()["r2"] == 0.0
