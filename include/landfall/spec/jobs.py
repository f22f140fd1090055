"""The Spark jobs, each with its file and its options. A new job needs a file in `spark_jobs` and a row here.

Every declaration is checked against this table when it is made. `python -m spark_jobs` reads its options by this table. So this
module is light: it does not import Spark.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from landfall.spec.contract import Contract
from landfall.spec.joined import joined_from_json
from landfall.spec.landing import Landing
from landfall.spec.learner import Learner
from landfall.spec.partition import Partition, Partitions
from landfall.spec.reports import Stages
from landfall.spec.saved_model import LIBRARIES, SavedModel
from landfall.spec.table_partitions import TablePartitions


@dataclass(frozen=True)
class Option:
    """One option of a job's command line, `--NAME VALUE`.

    Args:
        name: The option's name, without the leading dashes.
        help: What it means, for a person.
        read: Turns the text into the job's value.
        default: What the job gets if the option is not given. An option without a default must be given.
        choices: The values that it takes; empty: any value.
    """

    name: str
    help: str
    read: Callable[[str], object] = str
    default: object = ...
    choices: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """True if the option must be given."""
        return self.default is ...


@dataclass(frozen=True)
class SparkJob:
    """A job: the module that has its `main(spark, options)`, and its options."""

    module: str
    options: tuple[Option, ...]


def _names(text: str) -> list[str]:
    return text.split(",")


_FEATURES = Option("features", "the feature table and its days, SCHEMA.TABLE/dt=DAYS", TablePartitions.parse)
_LEARNER = Option("learner", "the learner as JSON", Learner.from_json)
_STAGES = Option("stages", "where the rows of each day go: DAY=SCHEMA.TABLE#PUBLICATION, ...", Stages.parse)
_KEY = Option("key", "the columns of the table's key, with commas between them", _names)
_AT_VERSION = Option("at-version", "Delta version of the table; default: the newest", int, default=None)

JOBS: Mapping[str, SparkJob] = {
    "features": SparkJob(
        "spark_jobs.etl.features",
        (
            Option("landing", "where the objects landed, and in which format, as JSON", Landing.from_json),
            Option("partitions", "the partitions that landed, as ranges", Partitions.parse),
            _FEATURES,
            Option("quarantine", "the table of rows that break the contract, and its days", TablePartitions.parse),
            Option("contract", "the contract as JSON", Contract.from_json),
            Option(
                "transform", "MODULE:FUNCTION from rows to features; default: the rows are the features", default=""
            ),
            Option("arguments", "the arguments of the transform as JSON", json.loads, default={}),
            Option("tables", "the published tables that the transform joins, as JSON", joined_from_json, default={}),
            Option(
                "days",
                "usable: leave out days whose files cannot be used; missing: and those that have features already",
                default="all",
                choices=("all", "usable", "missing"),
            ),
        ),
    ),
    "train_model": SparkJob(
        "spark_jobs.training.train_model",
        (
            _FEATURES,
            _LEARNER,
            Option("model", "folder for the model fitted on every row"),
            Option("judged", "folder for its sibling without the held-out partitions"),
            Option("until", "last partition to learn from; default: the last there is", Partition.parse, default=None),
            Option("timezone", "the zone whose days or hours the partitions are", default="UTC"),
            _AT_VERSION,
        ),
    ),
    "train_rows": SparkJob(
        "spark_jobs.training.train_rows",
        (
            Option("rows", "key of the Parquet file with the rows, in the lake"),
            _LEARNER,
            Option("holdout", "the share of the rows that is held out", float),
            Option("model", "folder for the model"),
        ),
    ),
    "judge_models": SparkJob(
        "spark_jobs.training.judge_models",
        (
            _FEATURES,
            _AT_VERSION,
            _LEARNER,
            Option("challenger", "FOLDER#LIBRARY#SHA256", SavedModel.parse),
            Option("champion", "FOLDER#LIBRARY#SHA256; default: none serves", SavedModel.parse, default=None),
            Option("champion-learner", "as JSON; default: the challenger's", Learner.from_json, default=None),
            Option("slices", "columns with commas between them", default=""),
        ),
    ),
    "measure_drift": SparkJob(
        "spark_jobs.training.measure_drift",
        (_FEATURES, Option("reference", "file that the training wrote: edges and counts by feature")),
    ),
    "predictions": SparkJob(
        "spark_jobs.scoring.predictions",
        (
            _FEATURES,
            _KEY,
            Option("predicted", "the column of the predictions"),
            Option("model", "folder of the fitted model"),
            Option("library", "what made the model", default="spark", choices=LIBRARIES),
            Option("model-sha256", "of a pickle: the digest that it must have", default=""),
            Option("model-version", "the version's number, for its rows"),
            _STAGES,
        ),
    ),
    "errors": SparkJob(
        "spark_jobs.scoring.errors",
        (
            _FEATURES,
            _KEY,
            Option("predictions", "the prediction table SCHEMA.TABLE in Postgres"),
            Option("predicted", "its column with the predictions"),
            Option("actual", "the column of the features with what really happened"),
            _STAGES,
        ),
    ),
    "rows": SparkJob(
        "spark_jobs.scoring.rows",
        (_FEATURES, Option("columns", "the columns to publish, with commas between them", _names), _STAGES),
    ),
}
