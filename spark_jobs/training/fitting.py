"""What a library does for a learner. Spark ML and scikit-learn each do it in a file of their own."""

from collections.abc import Mapping
from typing import Any, Protocol

from pyspark.sql import DataFrame

from landfall.spec.learner import Learner, Number

SAMPLE = 500
"""The most held-out rows whose actual and predicted values are reported."""


class Fitting(Protocol):
    """A learner in the hands of a library. A model is whatever the library makes."""

    def check(self) -> None:
        """Nothing, if the library can make the estimator with every parameter that is given or tried.

        Raises:
            ModelError: it has no such parameter, or takes no such value for it.
        """

    def fit(self, rows: DataFrame, parameters: Mapping[str, Number]) -> Any:
        """The fitted model."""

    def measure(self, model: Any, rows: DataFrame) -> dict[str, float]:
        """Its metrics on `rows`."""

    def sample(self, model: Any, rows: DataFrame) -> list[list[float]]:
        """[actual, predicted] of the given rows; empty for clusters."""

    def importances(self, model: Any) -> dict[str, float]:
        """Feature -> share of what the model gains by it; empty if the model does not tell."""

    def save(self, model: Any, folder: str) -> str:
        """Write it to a folder. Gives the SHA-256 of a pickle, which is code to whoever loads it; empty if it is none."""


def fitting_of(learner: Learner) -> Fitting:
    """The library that the learner names."""
    if learner.estimator.library == "scikit-learn":
        from spark_jobs.training.sklearn_learner import SklearnLearner

        return SklearnLearner(learner)
    from spark_jobs.training.spark_learner import SparkLearner

    return SparkLearner(learner)
