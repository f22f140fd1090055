"""The training snapshot: exact partitions of an exact version of the feature table, and which of them are held out."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.calendar import Calendar
from landfall.spec.learner import Learner
from landfall.spec.partition import Partition, Partitions
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.lake import Lake
from spark_jobs.tables import delta_version, read_version
from spark_jobs.training.rows import (
    LEFT,
    Origin,
    Summary,
    check_classes,
    check_columns,
    check_values,
    ordered,
    summarize,
    typed,
)


@dataclass(frozen=True)
class SnapshotRows:
    """Rows to learn from.

    Args:
        table: The feature table.
        version: Its Delta version.
        rows: The rows, in an order that does not depend on how they are stored, kept in memory. Numbers are doubles.
        count: The number of rows.
        partitions: The partitions of the rows.
        held: The newest partitions, which are held out of the judged model.
        types: Column that the model needs -> `double` or `string`.
    """

    table: str
    version: int
    rows: DataFrame
    count: int
    partitions: Partitions
    held: Partitions
    types: dict[str, str]

    @property
    def learnt_rows(self) -> DataFrame:
        """The rows that the judged model learns from."""
        return self.rows.where(F.col("dt") < F.lit(str(self.held.days[0])))

    @property
    def held_rows(self) -> DataFrame:
        """The rows that the model is judged on."""
        return self.rows.where(F.col("dt") >= F.lit(str(self.held.days[0])))

    def as_dict(self) -> dict[str, object]:
        """The snapshot as the job reports it."""
        days = self.partitions.days
        return {
            "table": self.table,
            "version": self.version,
            "first": str(days[0]),
            "last": str(days[-1]),
            "days": len(days),
            "partitions": str(self.partitions),
            "judged_until": str(days[-len(self.held) - 1]),
        }


def take(
    spark: SparkSession,
    lake: Lake,
    features: TablePartitions,
    learner: Learner,
    *,
    until: Partition | None,
    at_version: int | None,
    timezone: str = "UTC",
) -> SnapshotRows:
    """The snapshot, checked: every column exists, and no row lacks a value that the learner needs. Its rows are persisted.

    One pass fills the memory and checks. A row whose own time is later than its partition is refused: by its partition it
    would count as older than the rows that the model is judged on.

    Args:
        spark: The session.
        lake: Where the table is.
        features: The table with its partitions; all partitions if it names none.
        learner: The learner.
        until: The last partition to read.
        at_version: The Delta version; by default the newest.
        timezone: The zone whose days or hours the partitions are.

    Raises:
        ModelError: there are too few partitions, or the rows cannot be learnt from.
        ComputeError: the table does not exist.
    """
    version = delta_version(spark, lake, features.name) if at_version is None else at_version
    table = _open(spark, lake, features, version)
    place = f"{features.name}, version {version}, {features.partitions if len(features.partitions) else 'every day'}"
    if until:
        table = table.where(F.col("dt") <= F.lit(str(until)))
        place += f", up to {until}"
    origin = Origin(place=place)
    types = check_columns(table, learner, origin, time=learner.time)
    rows = ordered(typed(table, learner, types, keep=("dt", learner.time)), learner.time).persist()
    try:
        timed = dict(table.dtypes)[learner.time] == "timestamp"
        summary_of = summarize(rows, learner, types, by="dt", timed=timed)
        summaries = {Partition.parse(str(day)): summary for day, summary in summary_of.items()}
        days = Partitions.of(summaries)
        if len(days) < learner.minimum:
            raise ModelError(
                f"`{features.name}` has {len(days)} days to learn from; a model needs at least {learner.minimum}.",
                looked=place,
                left=LEFT,
                next="land more days, then train again: landfall train PIPELINE",
                fault="input",
            )
        held = Partitions.of(days.days[-max(1, min(learner.holdout, len(days) // 5)) :])
        check_rows(summaries, held, learner, types, origin, timezone)
    except BaseException:
        rows.unpersist()
        raise
    count = sum(summary.rows for summary in summaries.values())
    return SnapshotRows(features.name, version, rows, count, days, held, types)


def check_rows(
    summaries: Mapping[Partition, Summary],
    held: Partitions,
    learner: Learner,
    types: Mapping[str, str],
    origin: Origin,
    timezone: str,
) -> None:
    """Checks that a model can learn from the rows and be judged on the partitions `held` out.

    Raises:
        ModelError: a row is later than its partition; a column or the label has no value; there is only one class.
    """
    for day, summary in sorted(summaries.items()):
        calendar = Calendar("day" if day.hour is None else "hour", timezone)
        if summary.latest is not None and summary.latest >= calendar.window(day)[1].timestamp():
            raise origin.refused(f"Partition {day} has a row of a later time (column `{learner.time}`).")
    check_values(summaries, learner, types, origin, dated=True)
    if learner.estimator.task == "classification":
        learnt_from = [summary for day, summary in summaries.items() if day < held.days[0]]
        check_classes(learnt_from, summaries.values(), learner.label, origin)


def _open(spark: SparkSession, lake: Lake, features: TablePartitions, version: int) -> DataFrame:
    """The rows of the pinned version.

    Raises:
        ModelError: the table has no such version, or no longer has it.
    """
    table = read_version(spark, lake, features, version)
    try:
        table.schema  # noqa: B018  (Connect is lazy: this is where a missing version shows)
    except AnalysisException as error:
        newest = delta_version(spark, lake, features.name)
        raise ModelError(
            f"`{features.name}` has no version {version}.",
            looked=f"its newest version is {newest}; {str(error).splitlines()[0][:200]}",
            left=LEFT,
            next="train at another version (--at-version), or at the newest",
            fault="input",
        ) from error
    return table
