"""Errors of bike demand: the published predictions for a day's hours beside what then happened, staged for publishing."""

import argparse

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.spec.reports import StagedReport
from spark_jobs.tables import read_partitions, read_published, stage_rows

KEY = ["city", "state", "time"]


def bike_demand_errors(actuals: DataFrame, published: DataFrame) -> DataFrame:
    """One row per hour that is in both: `predicted`, `actual`, and `error` = predicted - actual (riders in that hour)."""
    both = actuals.select(*KEY, F.col("cnt").cast("double").alias("actual"), F.col("dt").alias("partition"))
    joined = both.join(published.select(*KEY, "predicted", "model_version"), KEY)
    error = (F.col("predicted") - F.col("actual")).alias("error")
    return joined.select(*KEY, "predicted", "actual", error, "model_version", "partition")


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Compares and stages. Reports the rows of each day; per day and model version RMSE, MAE (riders per hour) and rows."""
    actuals = read_partitions(spark, options.lake, options.features)
    published = read_published(spark, options.predictions, options.features.partitions)
    rows = bike_demand_errors(actuals, published).persist()
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
