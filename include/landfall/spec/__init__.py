"""Declarations: frozen values that raise an error when they are made, if what they declare makes no sense."""

from landfall.spec.calendar import Calendar
from landfall.spec.capture import SlotAlert
from landfall.spec.column import Column, References
from landfall.spec.contract import Contract
from landfall.spec.feature_stages import Buckets, OneHot, Quantiles, Scale, StringIndex
from landfall.spec.file_format import Csv, FileFormat, JsonLines, Parquet
from landfall.spec.joined import Joined
from landfall.spec.landing import Landing
from landfall.spec.learner import Estimator, Learner
from landfall.spec.mirror import DynamoMirror
from landfall.spec.online import DriftAlarm, OnlineLearner, SourceTable
from landfall.spec.online_algorithms import (
    DecayedKMeans,
    GaussianBayes,
    LearningRate,
    SgdClassification,
    SgdRegression,
)
from landfall.spec.partition import Partition, Partitions
from landfall.spec.pipeline import Feed, Job, Pipeline, Training
from landfall.spec.readiness import AllNamed, AtLeast, Marker, OneObject, Readiness, Settled
from landfall.spec.retraining import Drift, ErrorBound, Freshness, Gate, Promotion, Retraining
from landfall.spec.settings import S3, KafkaSettings, Settings
from landfall.spec.stream import KafkaTopic, Stream, Window
from landfall.spec.table_model import RowsFile, TableModel
from landfall.spec.tables import PredictionTable
from landfall.spec.transform import Transform

__all__ = [
    "S3",
    "AllNamed",
    "AtLeast",
    "Buckets",
    "Calendar",
    "Column",
    "Contract",
    "Csv",
    "DecayedKMeans",
    "Drift",
    "DriftAlarm",
    "DynamoMirror",
    "ErrorBound",
    "Estimator",
    "Feed",
    "FileFormat",
    "Freshness",
    "Gate",
    "GaussianBayes",
    "Job",
    "Joined",
    "JsonLines",
    "KafkaSettings",
    "KafkaTopic",
    "Landing",
    "Learner",
    "LearningRate",
    "Marker",
    "OneHot",
    "OneObject",
    "OnlineLearner",
    "Parquet",
    "Partition",
    "Partitions",
    "Pipeline",
    "PredictionTable",
    "Promotion",
    "Quantiles",
    "Readiness",
    "References",
    "Retraining",
    "RowsFile",
    "Scale",
    "Settings",
    "Settled",
    "SgdClassification",
    "SgdRegression",
    "SlotAlert",
    "SourceTable",
    "Stream",
    "StringIndex",
    "TableModel",
    "Training",
    "Transform",
    "Window",
]
