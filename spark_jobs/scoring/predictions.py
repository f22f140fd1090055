"""Predictions: what a model expects of the features of some partitions, staged for publishing."""

import argparse
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.spec.reports import StagedReport
from spark_jobs.saved import PREDICTION
from spark_jobs.scoring.predict import predict
from spark_jobs.tables import read_partitions, stage_rows


def predictions(
    features: DataFrame,
    key: Sequence[str],
    predicted: str,
    *,
    model: str,
    library: str,
    version: str,
    sha256: str = "",
) -> DataFrame:
    """One row for each row of `features`: the key, the prediction as the column `predicted`, `model_version` and `partition`.

    Args:
        features: The features, with their partition as `dt`.
        key: The columns of the prediction table's key.
        predicted: The name of the column of the predictions.
        model: The folder of the fitted model.
        library: The library that made it.
        version: The version's number, for its rows.
        sha256: See `predict`.
    """
    rows = features.withColumn("partition", F.col("dt"))
    scored = predict(rows, model, library, [*key, "partition"], sha256=sha256)
    return scored.withColumnRenamed(PREDICTION, predicted).withColumn("model_version", F.lit(version))


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Scores the partitions and stages their rows. Reports the number of rows of each partition."""
    scored = predictions(
        read_partitions(spark, options.lake, options.features),
        options.key,
        options.predicted,
        model=options.model,
        library=options.library,
        version=options.model_version,
        sha256=options.model_sha256,
    )
    return StagedReport(staged=stage_rows(scored, options.stages)).as_dict()
