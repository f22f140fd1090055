"""Fits a model by a declared learner, on a pinned snapshot of a feature table.

The newest partitions are held out first. A judged sibling learns from the others, which shows how far off the model is on days
that it has not seen. The model that will serve then learns from all of them. The same snapshot and seed give the same model.
"""

import argparse
import math

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.learner import Learner, Number
from landfall.spec.partition import Partition, Partitions
from landfall.spec.retraining import BETTER_BY
from landfall.spec.training_reports import TrainedReport
from spark_jobs.training.fitting import Fitting, fitting_of
from spark_jobs.training.grid import DECISIVE, expanding, points
from spark_jobs.training.learning import learn
from spark_jobs.training.rows import LEFT
from spark_jobs.training.snapshot import SnapshotRows, take


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Chooses, fits, measures, fits again, saves. Reports snapshot, parameters, held-out metrics and the model's description."""
    learner: Learner = options.learner
    fitting = fitting_of(learner)
    fitting.check()
    snapshot = take(
        spark,
        options.lake,
        options.features,
        learner,
        until=options.until,
        at_version=options.at_version,
        timezone=options.timezone,
    )
    try:
        parameters, tried = choose(learner, fitting, snapshot)
        folders = {"model": options.model, "judged": options.judged}
        fitted = learn(learner, fitting, snapshot, parameters, holdout=len(snapshot.held), **folders)
    finally:
        snapshot.rows.unpersist()
    return TrainedReport(**vars(fitted), snapshot=snapshot.as_dict(), tried=tried).as_dict()


def choose(
    learner: Learner, fitting: Fitting, snapshot: SnapshotRows
) -> tuple[dict[str, Number], list[dict[str, object]]]:
    """The parameters to fit with, and what was tried: every point of the grid, with its mean metric over the folds.

    The held-out partitions are not used. Of equally good points the first is taken.

    Raises:
        ModelError: no point has a metric that is a number.
    """
    tries = points(learner.estimator)
    if not learner.estimator.grid:
        return tries[0], []
    metric = DECISIVE[learner.estimator.task]
    folds = expanding(Partitions.of(set(snapshot.partitions) - set(snapshot.held)))
    scores = [_score(fitting, snapshot.rows, point, folds, metric) for point in tries]
    sign = 1 if BETTER_BY[metric] == "more" else -1
    finite = [(sign * score, -number) for number, score in enumerate(scores) if math.isfinite(score)]
    if not finite:
        raise ModelError(
            f"No point of the grid of `{learner.estimator.kind}` could be measured: {metric} is no number.",
            looked=f"{len(tries)} points on {len(folds)} folds",
            left=LEFT,
            fault="input",
        )
    tried: list[dict[str, object]] = [
        {"parameters": point, "metric": score} for point, score in zip(tries, scores, strict=True)
    ]
    return tries[-max(finite)[1]], tried


def _score(
    fitting: Fitting,
    rows: DataFrame,
    point: dict[str, Number],
    folds: list[tuple[Partition, Partition]],
    metric: str,
) -> float:
    total = 0.0
    for first, last in folds:
        start, end = F.lit(str(first)), F.lit(str(last))
        model = fitting.fit(rows.where(F.col("dt") < start), point)
        total += fitting.measure(model, rows.where((F.col("dt") >= start) & (F.col("dt") <= end)))[metric]
    return total / len(folds)
