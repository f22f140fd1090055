"""The rows of a table model, and which of them are held out. A row is drawn by its values and the seed, not by its position."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ModelError
from landfall.spec.learner import Learner
from spark_jobs.files import read_rows
from spark_jobs.lake import Lake
from spark_jobs.training.rows import (
    LEFT,
    Origin,
    Summary,
    check_classes,
    check_columns,
    check_values,
    summarize,
    typed,
)

FEWEST = 10
"""With fewer different rows nothing is learnt: one or two held-out rows cannot judge a model."""
DRAW, HELD = "_draw", "_held"


@dataclass(frozen=True)
class HeldOut:
    """Rows to learn from, with two more columns: see `spark_jobs.training.learning.Learnt`.

    Args:
        rows: The rows.
        count: Their number.
        held: The number of held-out rows.
        types: Column that the model needs -> `double` or `string`.
    """

    rows: DataFrame
    count: int
    held: int
    types: dict[str, str]

    @property
    def learnt_rows(self) -> DataFrame:
        """The rows that the judged model learns from."""
        return self.rows.where(~F.col(HELD))

    @property
    def held_rows(self) -> DataFrame:
        """The rows that the model is judged on."""
        return self.rows.where(F.col(HELD))


def hold_out(spark: SparkSession, lake: Lake, key: str, learner: Learner, *, share: float) -> HeldOut:
    """The rows of a file, checked: every column exists, and no row lacks a value that the learner needs. They are persisted.

    Of the different rows, the share with the lowest draws (at least one row) is held out. A draw is a hash of the seed and of
    those values of the row that the model needs. So equal rows are on the same side, and their order in the file has no effect.

    Args:
        spark: The session.
        lake: Where the file is.
        key: The key of the Parquet file.
        learner: The learner.
        share: The share that is held out, at most a half.

    Raises:
        ModelError: there are too few different rows, or the rows cannot be learnt from.
        ComputeError: there is no such file.
    """
    url = f"{lake.root}/{key}"
    table = read_rows(spark, url)
    origin = Origin(
        place=url,
        table="the rows",
        made_in="`rows` of the table model",
        escape="",
        learnt_from="among the rows that are not held out",
    )
    types = check_columns(table, learner, origin)
    rows = with_draws(typed(table, learner, types), learner, share, origin).persist()
    try:
        summaries: dict[bool, Summary] = summarize(rows, learner, types, by=HELD)
        check_rows(summaries, learner, types, origin)
    except BaseException:
        rows.unpersist()
        raise
    count = {side: summary.rows for side, summary in summaries.items()}
    return HeldOut(rows, sum(count.values()), count[True], types)


def with_draws(rows: DataFrame, learner: Learner, share: float, origin: Origin) -> DataFrame:
    """The rows with their draw and a mark on held-out ones, in an order that does not depend on how they are stored.

    Raises:
        ModelError: too few of them differ.
    """
    draw = F.xxhash64(F.lit(learner.seed), *rows.columns)
    different = rows.select(draw.alias(DRAW)).distinct()
    count = different.count()
    if count < FEWEST:
        raise ModelError(
            f"There are {count} different rows to learn from; a model needs at least {FEWEST}.",
            looked=origin.place,
            left=LEFT,
            next=f"give more rows in {origin.made_in}",
            fault="input",
        )
    lowest = different.orderBy(DRAW).limit(max(1, round(count * share)))
    last = lowest.agg(F.max(DRAW)).collect()[0][0]
    marked = rows.withColumn(DRAW, draw).withColumn(HELD, F.col(DRAW) <= F.lit(last))
    return marked.repartition(2, DRAW).sortWithinPartitions(DRAW, *rows.columns)


def check_rows(summaries: Mapping[bool, Summary], learner: Learner, types: Mapping[str, str], origin: Origin) -> None:
    """Checks that a model can learn from the rows and be judged on the held-out ones.

    Raises:
        ModelError: a column or the label has no value, or there is only one class.
    """
    check_values(summaries, learner, types, origin)
    if learner.estimator.task == "classification":
        check_classes([summaries[False]], summaries.values(), learner.label, origin)
