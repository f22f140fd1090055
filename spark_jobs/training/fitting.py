"""What a library does for a learner. Spark ML and scikit-learn each implement it in a file of their own."""

from collections.abc import Mapping
from typing import Any, Protocol

from pyspark.sql import DataFrame

from landfall.spec.learner import Learner, Number

SAMPLE = 500
"""The most held-out rows whose actual and predicted values are reported."""


class Fitting(Protocol):
    """A learner, implemented by a library. A model is whatever the library makes."""

    def check(self) -> None:
        """Checks that the library can make the estimator with every parameter that is given or tried.

        Raises:
            ModelError: the estimator has no such parameter, or the parameter cannot have such a value.
        """

    def fit(self, rows: DataFrame, parameters: Mapping[str, Number]) -> Any:
        """The fitted model."""

    def measure(self, model: Any, rows: DataFrame) -> dict[str, float]:
        """Its metrics on `rows`."""

    def sample(self, model: Any, rows: DataFrame) -> list[list[float]]:
        """[actual, predicted] for the given rows; empty for clusters."""

    def importances(self, model: Any) -> dict[str, float]:
        """Feature -> its share of what the model gains; empty if the model does not say."""

    def save(self, model: Any, folder: str) -> str:
        """Writes the model to a folder. Gives the SHA-256 of a pickle (loading one runs its code); empty if it is no pickle."""


def fitting_of(learner: Learner) -> Fitting:
    """The library that the learner names."""
    if learner.estimator.library == "scikit-learn":
        from spark_jobs.training.sklearn_learner import SklearnLearner

        return SklearnLearner(learner)
    from spark_jobs.training.spark_learner import SparkLearner

    return SparkLearner(learner)
