"""Predictions of bike demand: the riders that a model expects in each hour of a day, staged for publishing."""

import argparse

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.spec.reports import StagedReport
from spark_jobs.saved import PREDICTION
from spark_jobs.scoring.predict import predict
from spark_jobs.tables import read_partitions, stage_rows

KEY = ["city", "state", "time"]


def bike_demand_predictions(
    hours: DataFrame, model: str, library: str, model_version: str, *, sha256: str = ""
) -> DataFrame:
    """One row per (city, state, time) with `predicted`, riders in that hour. `sha256`: see `predict`."""
    scored = predict(hours.withColumn("partition", F.col("dt")), model, library, [*KEY, "partition"], sha256=sha256)
    return scored.withColumnRenamed(PREDICTION, "predicted").withColumn("model_version", F.lit(model_version))


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Scores the days and stages their rows. Reports the number of rows of each day."""
    hours = read_partitions(spark, options.lake, options.features)
    predictions = bike_demand_predictions(
        hours, options.model, options.library, options.model_version, sha256=options.model_sha256
    )
    return StagedReport(staged=stage_rows(predictions, options.stages)).as_dict()
