"""Drift: how far the newest values of features are from those that a model has learnt from, in one pass over the newest."""

import argparse
import json

from pyspark.sql import SparkSession

from landfall.spec.training_reports import DriftReport
from spark_jobs.files import read_file
from spark_jobs.tables import read_partitions
from spark_jobs.training.counting import count_values
from spark_jobs.training.histogram import distances, read_bins
from spark_jobs.training.rows import is_number


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Counts and compares. Reports `rows`, feature -> `psi` and `ks`, and the features that are not numbers in the table.

    Without a row in the window nothing has drifted: `drift` is empty.
    """
    reference = json.loads(read_file(options.reference))
    rows = read_partitions(spark, options.lake, options.features)
    types = dict(rows.dtypes)
    bins = {name: read_bins(reference[name]) for name in reference if is_number(types.get(name, ""))}
    counts = count_values(spark, options.lake.folder(options.features.name), rows, bins)
    return DriftReport(
        rows=max((sum(feature_counts) for feature_counts in counts.values()), default=0),
        drift={
            name: distances(reference[name], feature_counts)
            for name, feature_counts in counts.items()
            if sum(feature_counts)
        },
        missing=sorted(set(reference) - set(bins)),
    ).as_dict()
