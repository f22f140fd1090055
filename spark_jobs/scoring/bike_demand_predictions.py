"""Predictions of bike demand: the riders that one model expects in each hour of a day, staged for publishing."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.scoring.forest import Forest, read_forest
from spark_jobs.tables import Stages, TablePartitions, read_partitions, stage_rows
from spark_jobs.training.bike_demand_model import FEATURES

if TYPE_CHECKING:
    import pyarrow as pa

KEY = ["city", "state", "time"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The features, the model, and where the rows are staged."""
    parser.add_argument("--features", type=TablePartitions.parse, required=True)
    parser.add_argument("--model", required=True, help="folder of the fitted Spark PipelineModel")
    parser.add_argument("--model-version", required=True)
    parser.add_argument("--stages", type=Stages.parse, required=True)


def bike_demand_predictions(hours: DataFrame, forest: Forest, model_version: str) -> DataFrame:
    """One row per (city, state, time) with `predicted`, riders in that hour."""
    numbers = [F.col(name).cast("double").alias(name) for name in forest.inputs]
    columns = [*KEY, F.col("dt").alias("partition")]

    def predict(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import numpy as np
        import pyarrow as pa

        for batch in batches:
            features = np.column_stack([batch.column(name).to_numpy() for name in forest.inputs])
            predicted = pa.array(forest.predict(features), pa.float64())
            kept = [batch.column(name) for name in (*KEY, "partition")]
            yield pa.RecordBatch.from_arrays([*kept, predicted], names=[*KEY, "partition", "predicted"])

    schema = "city string, state string, time timestamp, partition date, predicted double"
    scored = hours.select(*columns, *numbers).mapInArrow(predict, schema)
    return scored.withColumn("model_version", F.lit(model_version))


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Score the days and stage their rows. Reports how many of each day."""
    hours = read_partitions(spark, options.lake, options.features)
    forest = read_forest(spark, options.model, FEATURES)
    predictions = bike_demand_predictions(hours, forest, options.model_version)
    return {"staged": stage_rows(predictions, options.stages)}
