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
    """Count and compare. Reports `rows`, feature -> `psi` and `ks`, and the features that are no numbers of the table.

    Without a row in the window nothing has drifted: `drift` is empty.
    """
    known = json.loads(read_file(options.reference))
    rows = read_partitions(spark, options.lake, options.features)
    types = dict(rows.dtypes)
    bins = {name: read_bins(known[name]) for name in known if is_number(types.get(name, ""))}
    counts = count_values(spark, options.lake.folder(options.features.name), rows, bins)
    return DriftReport(
        rows=max((sum(each) for each in counts.values()), default=0),
        drift={name: distances(known[name], each) for name, each in counts.items() if sum(each)},
        missing=sorted(set(known) - set(bins)),
    ).as_dict()
