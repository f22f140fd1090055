"""Errors of predictions: what was published for some partitions beside what then happened, staged for publishing."""

import argparse
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.spec.reports import StagedReport
from spark_jobs.tables import read_partitions, read_published, stage_rows


def errors(actuals: DataFrame, published: DataFrame, key: Sequence[str], predicted: str, actual: str) -> DataFrame:
    """One row for each key that is in both: the key, `predicted`, `actual`, and `error` = predicted - actual.

    Args:
        actuals: The features, with their partition as `dt`.
        published: The rows of the prediction table.
        key: The columns of its key.
        predicted: Its column with the predictions.
        actual: The column of `actuals` with what really happened.
    """
    both = actuals.select(*key, F.col(actual).cast("double").alias("actual"), F.col("dt").alias("partition"))
    joined = both.join(published.select(*key, F.col(predicted).alias("predicted"), "model_version"), [*key])
    error = (F.col("predicted") - F.col("actual")).alias("error")
    return joined.select(*key, "predicted", "actual", error, "model_version", "partition")


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Compares and stages. Reports the rows of each partition; per partition and model version RMSE, MAE and rows."""
    actuals = read_partitions(spark, options.lake, options.features)
    published = read_published(spark, options.predictions, options.features.partitions)
    rows = errors(actuals, published, options.key, options.predicted, options.actual).persist()
    try:
        squares = F.sqrt(F.avg(F.col("error") * F.col("error")))
        groups = rows.groupBy("partition", "model_version")
        measured = groups.agg(
            squares.alias("rmse"), F.avg(F.abs("error")).alias("mae"), F.count("error").alias("rows")
        ).collect()
        staged = stage_rows(rows, options.stages)
    finally:
        rows.unpersist()
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for row in measured:
        values = {"published_rmse": row.rmse, "published_mae": row.mae, "rows": row["rows"]}
        metrics.setdefault(str(row.partition), {})[row.model_version] = values
    return StagedReport(staged=staged, metrics=metrics).as_dict()
