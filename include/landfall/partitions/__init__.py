"""The trip of a partition from its landing to its publication, written once: look, features, judge, stage, swap.

A run of Airflow takes the trip with one partition, a step a task; `landfall backfill --bulk` with hundreds, in one go; the
property test with two, a step at a time and in any order. Each step is a function of this room over typed values. What
differs is who waits for Spark, and it is all that they add.
"""

from landfall.partitions.bulk import Bulk
from landfall.partitions.judge import judge
from landfall.partitions.look import Looked, Reading, look, open_readings
from landfall.partitions.stage import Batch, Choice, Staging, choose, measured, open_staging
from landfall.partitions.swap import Done, nothing_measured, skip, swap
from landfall.partitions.trip import Trip, refuse

__all__ = [
    "Batch",
    "Bulk",
    "Choice",
    "Done",
    "Looked",
    "Reading",
    "Staging",
    "Trip",
    "choose",
    "judge",
    "look",
    "measured",
    "nothing_measured",
    "open_readings",
    "open_staging",
    "refuse",
    "skip",
    "swap",
]
