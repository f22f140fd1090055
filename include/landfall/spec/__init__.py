"""Declarations: frozen values that refuse nonsense when they are made."""

from landfall.spec.contract import Column, Contract
from landfall.spec.landing import Landing
from landfall.spec.partition import Partition, Partitions
from landfall.spec.pipeline import Feed, Job, Pipeline, Training
from landfall.spec.readiness import AllNamed, AtLeast, Marker, OneObject, Readiness, Settled
from landfall.spec.settings import S3, Settings
from landfall.spec.tables import PredictionTable

__all__ = [
    "S3",
    "AllNamed",
    "AtLeast",
    "Column",
    "Contract",
    "Feed",
    "Job",
    "Landing",
    "Marker",
    "OneObject",
    "Partition",
    "Partitions",
    "Pipeline",
    "PredictionTable",
    "Readiness",
    "Settings",
    "Settled",
    "Training",
]
