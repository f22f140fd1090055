"""Fits, measures and saves with scikit-learn, on the rows of a snapshot in this process's memory."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from landfall.errors import ModelError
from landfall.spec.learner import Learner, Number
from spark_jobs.files import write_file
from spark_jobs.saved import MODEL
from spark_jobs.training.grid import points
from spark_jobs.training.measures import Errors, Hits
from spark_jobs.training.rows import LEFT
from spark_jobs.training.sklearn_stages import features_of, scaler
from spark_jobs.training.stages import check_parameters

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

CLASSES = {
    ("random_forest", "regression"): ("ensemble", "RandomForestRegressor"),
    ("random_forest", "classification"): ("ensemble", "RandomForestClassifier"),
    ("gradient_boosted_trees", "regression"): ("ensemble", "GradientBoostingRegressor"),
    ("gradient_boosted_trees", "classification"): ("ensemble", "GradientBoostingClassifier"),
    ("decision_tree", "regression"): ("tree", "DecisionTreeRegressor"),
    ("decision_tree", "classification"): ("tree", "DecisionTreeClassifier"),
    ("linear", "regression"): ("linear_model", "LinearRegression"),
    ("logistic", "classification"): ("linear_model", "LogisticRegression"),
    ("k_means", "clustering"): ("cluster", "KMeans"),
}
COMPARED = 2000
"""Silhouette is computed on this many rows, drawn by the seed: it compares every row with every other."""


class SklearnLearner:
    """A learner of scikit-learn; see `spark_jobs.training.fitting.Fitting`. Its models get a pandas table."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def check(self) -> None:
        for parameters in points(self.learner.estimator):
            self._estimator(parameters)

    def fit(self, rows: DataFrame, parameters: Mapping[str, Number]) -> Any:
        """The fitted pipeline: the features made by their stages, the scaler if there is one, the estimator."""
        from sklearn.pipeline import Pipeline

        table, label = self._table(rows)
        steps = [("features", features_of(self.learner, table))]
        if self.learner.scaling:
            steps.append(("scaling", scaler(self.learner.scaling)))
        try:
            return Pipeline([*steps, ("estimator", self._estimator(parameters))]).fit(table, label)
        except (ValueError, TypeError) as error:
            raise ModelError(
                f"scikit-learn could not fit `{self.learner.estimator.kind}`.",
                looked=str(error).splitlines()[0][:300],
                left=LEFT,
                next="mend Estimator.parameters or Estimator.grid of the learner",
                fault="input",
            ) from error

    def measure(self, model: Any, rows: DataFrame) -> dict[str, float]:
        table, actual = self._table(rows)
        if self.learner.estimator.task == "clustering":
            return {"silhouette": self._silhouette(model, table)}
        predicted = model.predict(table).astype(float)
        if self.learner.estimator.task == "classification":
            return Hits(pairs=dict(Counter(zip(actual.tolist(), predicted.tolist(), strict=True)))).metrics()
        return _errors(actual, predicted).metrics()

    def sample(self, model: Any, rows: DataFrame) -> list[list[float]]:
        if not self.learner.label:
            return []
        table, actual = self._table(rows)
        pairs = zip(actual.tolist(), model.predict(table).astype(float).tolist(), strict=True)
        return [list(pair) for pair in pairs]

    def importances(self, model: Any) -> dict[str, float]:
        """As for Spark's trees; empty if a feature is a vector of several numbers."""
        shares = getattr(model[-1], "feature_importances_", None)
        if shares is None or len(shares) != len(self.learner.features):
            return {}
        return dict(zip(self.learner.features, map(float, shares), strict=True))

    def save(self, model: Any, folder: str) -> str:
        """Writes the model as MLflow's `sklearn` flavor reads it. It refers to no class of this project."""
        import cloudpickle

        content: bytes = cloudpickle.dumps(model)
        write_file(f"{folder}/{MODEL}", content)
        return hashlib.sha256(content).hexdigest()

    def _table(self, rows: DataFrame) -> "tuple[pd.DataFrame, Floats]":
        """The columns that the model needs, and the label (zeros for clusters), in the order of the snapshot."""
        import numpy as np

        labels = [self.learner.label] if self.learner.label else []
        table = rows.select(*self.learner.columns, *labels).toArrow().to_pandas()
        label = table.pop(self.learner.label).to_numpy() if labels else np.zeros(len(table))
        return table, label

    def _estimator(self, parameters: Mapping[str, Number]) -> Any:
        from importlib import import_module

        declared = self.learner.estimator
        module, name = CLASSES[declared.kind, declared.task]
        estimator = getattr(import_module(f"sklearn.{module}"), name)()
        known_parameters = set(estimator.get_params())
        seed = {"random_state": self.learner.seed} if "random_state" in known_parameters else {}
        check_parameters(declared, parameters, known_parameters - set(seed))
        return estimator.set_params(**parameters, **seed)

    def _silhouette(self, model: Any, table: "pd.DataFrame") -> float:
        """See `measures.silhouette`."""
        from sklearn.metrics import silhouette_score

        features, cluster = model[:-1].transform(table), model.predict(table)
        if not 1 < len(set(cluster.tolist())) < len(table):
            return 0.0
        size = min(len(table), COMPARED)
        sampling = {"sample_size": size, "random_state": self.learner.seed}
        return float(silhouette_score(features, cluster, metric="sqeuclidean", **sampling))


def _errors(actual: "Floats", predicted: "Floats") -> Errors:
    error = predicted - actual
    return Errors(
        rows=len(actual),
        lowest=float(predicted.min()),
        highest=float(predicted.max()),
        square=float((error**2).mean()),
        size=float(abs(error).mean()),
        mean=float(actual.mean()),
        variance=float(actual.var()),
    )
