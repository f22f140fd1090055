"""Compares two models on the same rows, which neither has learnt from: the gate decides by this.

Reports each model's metrics, the same metrics by slice, the range of its predictions, and the milliseconds that it takes to
score 1,000 rows once it is loaded. That is measured on about 10,000 rows; a window with fewer rows is repeated.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.learner import Learner
from landfall.spec.saved_model import SavedModel
from landfall.spec.training_reports import JudgedModel, JudgedReport
from spark_jobs.files import read_file
from spark_jobs.saved import MODEL, PREDICTION
from spark_jobs.scoring.predict import load_sklearn, predict
from spark_jobs.tables import delta_version, read_version
from spark_jobs.training.measures import Slice, Tally, silhouette, tally
from spark_jobs.training.rows import Origin, check_columns, typed

TIMED = 10_000
LEFT = "nothing was promoted, the champion stays"


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Scores with both models and measures. A champion that cannot score is reported with its error; a challenger fails the job.

    Raises:
        ModelError: the window has no rows, or lacks a column to slice by, the label, or a column that the challenger needs.
    """
    table, learner = options.features, options.learner
    version = delta_version(spark, options.lake, table.name) if options.at_version is None else options.at_version
    rows = read_version(spark, options.lake, table, version)
    slices = list(filter(None, options.slices.split(",")))
    place = f"{table.name}, version {version}, {table.partitions}"
    for name in filter(None, (*slices, learner.label)):
        if name not in rows.columns:
            raise ModelError(
                f"The features have no column `{name}` to judge by.",
                looked=f"{place}; they have {', '.join(sorted(rows.columns))}",
                left=LEFT,
                next="mend Gate.slices or Learner.label, or add the column to the features",
                fault="input",
            )
    rows = rows.persist()
    try:
        count = rows.count()
        if not count:
            raise ModelError("There are no rows to judge models on.", looked=place, left=LEFT, fault="input")
        challenger = judged(rows, options.challenger, learner, slices, count)
        champion = _champion(rows, options, slices, count)
    finally:
        rows.unpersist()
    return JudgedReport(days=str(table.partitions), rows=count, challenger=challenger, champion=champion).as_dict()


def _champion(rows: DataFrame, options: argparse.Namespace, slices: Sequence[str], count: int) -> JudgedModel | None:
    if options.champion is None:
        return None
    learner = options.champion_learner or options.learner
    try:
        return judged(rows, options.champion, learner, slices, count)
    except ModelError as error:
        return JudgedModel(error=error.what)


def judged(rows: DataFrame, model: SavedModel, learner: Learner, slices: Sequence[str], count: int) -> JudgedModel:
    """The figures of one model on the rows, in one pass over them.

    Raises:
        ModelError: the rows lack a column that the model was trained on.
    """
    if learner.estimator.task == "clustering":
        figures = _clustered(rows, model, learner)
    else:
        scored = _predict(rows, model, list(dict.fromkeys([learner.label, *slices])))
        tallies = tally(scored, learner.estimator.task, learner.label, slices)
        whole: Tally = reduce(add, tallies.values())
        figures = {
            "metrics": whole.metrics(),
            "slices": _by_slice(tallies, slices),
            "lowest": whole.lowest,
            "highest": whole.highest,
        }
    return JudgedModel(**figures, milliseconds=_milliseconds(rows, model, count))


def _predict(rows: DataFrame, model: SavedModel, keep: Sequence[str]) -> DataFrame:
    return predict(rows, model.folder, model.library, keep, sha256=model.sha256)


def _by_slice(tallies: Mapping[Slice, Tally], slices: Sequence[str]) -> dict[str, dict[str, float]]:
    """`column=value` -> rows and metrics, from tallies by all the columns together."""
    by_slice: dict[str, Tally] = {}
    for number, name in enumerate(slices):
        for values, values_tally in tallies.items():
            key = f"{name}={values[number]}"
            by_slice[key] = by_slice[key] + values_tally if key in by_slice else values_tally
    return {key: {"rows": by_slice[key].rows, **by_slice[key].metrics()} for key in sorted(by_slice)}


def _milliseconds(rows: DataFrame, model: SavedModel, count: int) -> float:
    again = F.explode(F.sequence(F.lit(1), F.lit(-(-TIMED // count))))
    many = rows.withColumn("_again", again).limit(TIMED)
    scored = _predict(many, model, ["_again"])
    began = time.perf_counter()
    scored.agg(F.sum(PREDICTION)).collect()
    return (time.perf_counter() - began) * 1000 / (TIMED / 1000)


def _clustered(rows: DataFrame, model: SavedModel, learner: Learner) -> dict[str, Any]:
    """Clusters have no label and no slices; their metric needs the features as the model assembled them."""
    typed_rows = typed(rows, learner, check_columns(rows, learner, Origin(place=model.folder)))
    if model.library == "scikit-learn":
        from spark_jobs.training.sklearn_learner import SklearnLearner

        fitted = load_sklearn(read_file(f"{model.folder}/{MODEL}"), model.sha256, model.folder)
        metrics = SklearnLearner(learner).measure(fitted, typed_rows)
    else:
        from pyspark.ml import PipelineModel

        metrics = {"silhouette": silhouette(PipelineModel.load(model.folder).transform(typed_rows))}
    predicted = F.col(PREDICTION)
    scored = _predict(rows, model, [])
    ends = scored.agg(F.min(predicted).alias("lowest"), F.max(predicted).alias("highest")).collect()[0]
    return {"metrics": metrics, "slices": {}, "lowest": ends.lowest, "highest": ends.highest}
