"""Rows without a model: the features of some partitions themselves, staged for publishing."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from landfall.errors import ComputeError
from landfall.spec.reports import StagedReport
from spark_jobs.tables import read_partitions, stage_rows


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Stages the columns of the published table. Reports the number of rows of each partition.

    Raises:
        ComputeError: the features lack a column.
    """
    features = read_partitions(spark, options.lake, options.features)
    if missing := [name for name in options.columns if name not in features.columns]:
        raise ComputeError(
            f"The features have no column `{missing[0]}` to publish.",
            looked=f"{options.features.name}: {', '.join(features.columns)}",
            left="nothing was staged, what was published stays",
            next="mend PredictionTable.columns, or what makes the features",
            fault="request",
        )
    rows = features.select(*options.columns, F.col("dt").alias("partition"))
    return StagedReport(staged=stage_rows(rows, options.stages)).as_dict()
