"""The trip of a partition from its landing to its publication, written once: look, features, judge, stage, swap.

Three callers take the trip. A run of Airflow takes it with one partition, and each step is a task. `landfall backfill --bulk`
takes it with hundreds of partitions in one go. The property test takes it with two, a step at a time and in any order. Each step
is a function of this room over typed values. The callers differ only in who waits for Spark, and that is all that they add.
"""

from landfall.partitions.bulk import Bulk
from landfall.partitions.judge import judge
from landfall.partitions.look import Looked, Reading, look, open_readings
from landfall.partitions.stage import Batch, Choice, Staging, choose, measured, open_staging
from landfall.partitions.swap import Done, nothing_measured, published_before, skip, swap
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
    "published_before",
    "refuse",
    "skip",
    "swap",
]
