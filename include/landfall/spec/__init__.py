"""Declarations: frozen values that raise an error when they are made, if what they declare makes no sense."""

from landfall.spec.contract import Column, Contract
from landfall.spec.feature_stages import Buckets, OneHot, Quantiles, Scale, StringIndex
from landfall.spec.landing import Landing
from landfall.spec.learner import Estimator, Learner
from landfall.spec.partition import Partition, Partitions
from landfall.spec.pipeline import Feed, Job, Pipeline, Training
from landfall.spec.readiness import AllNamed, AtLeast, Marker, OneObject, Readiness, Settled
from landfall.spec.retraining import Drift, ErrorBound, Freshness, Gate, Promotion, Retraining
from landfall.spec.settings import S3, Settings
from landfall.spec.table_model import RowsFile, TableModel
from landfall.spec.tables import PredictionTable

__all__ = [
    "S3",
    "AllNamed",
    "AtLeast",
    "Buckets",
    "Column",
    "Contract",
    "Drift",
    "ErrorBound",
    "Estimator",
    "Feed",
    "Freshness",
    "Gate",
    "Job",
    "Landing",
    "Learner",
    "Marker",
    "OneHot",
    "OneObject",
    "Partition",
    "Partitions",
    "Pipeline",
    "PredictionTable",
    "Promotion",
    "Quantiles",
    "Readiness",
    "Retraining",
    "RowsFile",
    "Scale",
    "Settings",
    "Settled",
    "StringIndex",
    "TableModel",
    "Training",
]
