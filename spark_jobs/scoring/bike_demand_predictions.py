"""Predictions of bike demand: the riders that one model expects in each hour of a day, staged for publishing."""

import argparse

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.tables import TablePartitions, read_partitions, stage_rows


def arguments(parser: argparse.ArgumentParser) -> None:
    """The features, the model, and the publication that the rows are staged for."""
    parser.add_argument("--features", type=TablePartitions.parse, required=True)
    parser.add_argument("--model", required=True, help="folder of the fitted Spark PipelineModel")
    parser.add_argument("--model-version", required=True)
    parser.add_argument("--staging", required=True)
    parser.add_argument("--publication", type=int, required=True)


def bike_demand_predictions(hours: DataFrame, model: PipelineModel, model_version: str) -> DataFrame:
    """One row per (city, state, time) with `predicted`, riders in that hour."""
    scored = model.transform(hours)
    return scored.select(
        "city",
        "state",
        "time",
        "predicted",
        F.lit(model_version).alias("model_version"),
        F.col("dt").alias("partition"),
    )


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Score the day and stage its rows. Reports how many."""
    hours = read_partitions(spark, options.lake, options.features)
    model = PipelineModel.load(options.model)
    predictions = bike_demand_predictions(hours, model, options.model_version)
    return {"rows": stage_rows(predictions, staging=options.staging, publication=options.publication)}
