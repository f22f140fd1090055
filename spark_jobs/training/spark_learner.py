"""Fits, measures and saves with Spark ML."""

from collections.abc import Mapping
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from landfall.spec.learner import Learner, Number
from spark_jobs.saved import PREDICTION
from spark_jobs.training.grid import points
from spark_jobs.training.measures import silhouette, tally
from spark_jobs.training.rows import with_vectors
from spark_jobs.training.stages import pipeline

TREES = ("random_forest", "gradient_boosted_trees", "decision_tree")


class SparkLearner:
    """A learner of Spark ML. See `spark_jobs.training.fitting.Fitting`."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def check(self) -> None:
        for parameters in points(self.learner.estimator):
            pipeline(self.learner, parameters)

    def fit(self, rows: DataFrame, parameters: Mapping[str, Number]) -> PipelineModel:
        return pipeline(self.learner, parameters).fit(with_vectors(rows))

    def measure(self, model: PipelineModel, rows: DataFrame) -> dict[str, float]:
        scored, task = model.transform(with_vectors(rows)), self.learner.estimator.task
        if task == "clustering":
            return {"silhouette": silhouette(scored)}
        return tally(scored, task, self.learner.label)[()].metrics()

    def sample(self, model: PipelineModel, rows: DataFrame) -> list[list[float]]:
        if not self.learner.label:
            return []
        scored = model.transform(with_vectors(rows)).select(self.learner.label, F.col(PREDICTION).cast("double"))
        return [[row[0], row[1]] for row in scored.collect()]

    def importances(self, model: PipelineModel) -> dict[str, float]:
        """The share of each feature in what a tree or a forest gains by its splits; empty for other models.

        Also empty if a feature is a vector of several numbers, because shares then cannot be assigned by name.
        """
        if self.learner.estimator.kind not in TREES:
            return {}
        shares: Any = model.stages[-1].featureImportances.toArray()
        if len(shares) != len(self.learner.features):
            return {}
        return {name: float(share) for name, share in zip(self.learner.features, shares, strict=True)}

    def save(self, model: PipelineModel, folder: str) -> str:
        model.write().overwrite().save(folder)
        return ""
