"""The rows of a table model, and which of them are held out: drawn by their own values and the seed, not by their place."""

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
"""Of fewer different rows nothing is learnt: on one or two that are held out no model can be judged."""
DRAW, HELD = "_draw", "_held"


@dataclass(frozen=True)
class HeldOut:
    """Rows to learn from, two columns more with them: see `spark_jobs.training.learning.Learnt`.

    Args:
        rows: The rows.
        count: How many they are.
        held: How many of them are held out.
        types: Column that the model needs -> `double` or `string`.
    """

    rows: DataFrame
    count: int
    held: int
    types: dict[str, str]

    @property
    def seen(self) -> DataFrame:
        """The rows that the judged model learns from."""
        return self.rows.where(~F.col(HELD))

    @property
    def unseen(self) -> DataFrame:
        """The rows that it is judged on."""
        return self.rows.where(F.col(HELD))


def hold_out(spark: SparkSession, lake: Lake, key: str, learner: Learner, *, share: float) -> HeldOut:
    """The rows of a file, checked: every column is there, and no row lacks what the learner needs of it. They are persisted.

    Of the different rows the share (at least one) with the lowest draws is held out, a draw being a hash of the seed and of
    what the model needs of the row. So equal rows are on one side, and their order in the file says nothing.

    Args:
        spark: The session.
        lake: Where the file is.
        key: Of the Parquet file.
        learner: What is to learn.
        share: How much is held out, up to a half.

    Raises:
        ModelError: too few different rows, or rows that cannot be learnt from.
        ComputeError: there is no such file.
    """
    url = f"{lake.root}/{key}"
    table = read_rows(spark, url)
    origin = Origin(
        where=url,
        table="the rows",
        made_in="`rows` of the table model",
        escape="",
        seen="among the rows that are not held out",
    )
    types = check_columns(table, learner, origin)
    rows = drawn(typed(table, learner, types), learner, share, origin).persist()
    try:
        summaries: dict[bool, Summary] = summarize(rows, learner, types, by=HELD)
        check_rows(summaries, learner, types, origin)
    except BaseException:
        rows.unpersist()
        raise
    count = {side: summary.rows for side, summary in summaries.items()}
    return HeldOut(rows, sum(count.values()), count[True], types)


def drawn(rows: DataFrame, learner: Learner, share: float, origin: Origin) -> DataFrame:
    """The rows with their draw and whether they are held out, in an order that does not depend on how they are stored.

    Raises:
        ModelError: too few of them differ.
    """
    draw = F.xxhash64(F.lit(learner.seed), *rows.columns)
    different = rows.select(draw.alias(DRAW)).distinct()
    count = different.count()
    if count < FEWEST:
        raise ModelError(
            f"There are {count} different rows to learn from; a model needs at least {FEWEST}.",
            looked=origin.where,
            left=LEFT,
            next=f"give more rows in {origin.made_in}",
            fault="input",
        )
    lowest = different.orderBy(DRAW).limit(max(1, round(count * share)))
    last = lowest.agg(F.max(DRAW)).collect()[0][0]
    marked = rows.withColumn(DRAW, draw).withColumn(HELD, F.col(DRAW) <= F.lit(last))
    return marked.repartition(2, DRAW).sortWithinPartitions(DRAW, *rows.columns)


def check_rows(summaries: Mapping[bool, Summary], learner: Learner, types: Mapping[str, str], origin: Origin) -> None:
    """Nothing, if a model can be learnt from the rows and judged on those that are held out.

    Raises:
        ModelError: a column or the label has no value, or there is one class.
    """
    check_values(summaries, learner, types, origin)
    if learner.estimator.task == "classification":
        check_classes([summaries[False]], summaries.values(), learner.label, origin)
