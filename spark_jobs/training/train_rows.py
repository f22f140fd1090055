"""Fits a table model by a declared learner, on the rows of one file.

A share of the rows is held out first. A sibling learns from the others, which shows how far off the model is on rows that it has
not seen. The model that is kept then learns from all of them. The same rows and seed give the same model.
"""

import argparse

from pyspark.sql import SparkSession

from landfall.spec.learner import Learner
from landfall.spec.training_reports import RowsTrainedReport
from spark_jobs.training.fitting import fitting_of
from spark_jobs.training.held_out import hold_out
from spark_jobs.training.learning import learn


def main(spark: SparkSession, options: argparse.Namespace) -> dict[str, object]:
    """Holds out, fits, measures, fits again, saves. Reports parameters, held-out metrics and the model's description."""
    learner: Learner = options.learner
    fitting = fitting_of(learner)
    fitting.check()
    parameters, share = learner.estimator.parameters, options.holdout
    learnt = hold_out(spark, options.lake, options.rows, learner, share=share)
    try:
        fitted = learn(learner, fitting, learnt, parameters, holdout=share, model=options.model)
    finally:
        learnt.rows.unpersist()
    return RowsTrainedReport(**vars(fitted), held_rows=learnt.held).as_dict()
