"""How good predictions are, for all rows and for slices of them, in one pass."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from landfall.spec.learner import Task
from spark_jobs.saved import ASSEMBLED, PREDICTION

Slice = tuple[str, ...]
"""The values of the columns that rows are taken apart by, as text."""


class Tally(Protocol):
    """What some rows with a prediction add up to."""

    @property
    def rows(self) -> int: ...

    @property
    def lowest(self) -> float:
        """The smallest prediction."""

    @property
    def highest(self) -> float:
        """The largest prediction."""

    def __add__(self, other: Self) -> Self:
        """Both together."""

    def metrics(self) -> dict[str, float]:
        """Metric -> value."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Predicted minus actual number of some rows: mean square, mean size; mean and variance of the actual numbers."""

    rows: int
    lowest: float
    highest: float
    square: float
    size: float
    mean: float
    variance: float

    def __add__(self, other: Self) -> Self:
        rows = self.rows + other.rows
        ours, theirs = self.rows / rows, other.rows / rows
        apart = ours * theirs * (self.mean - other.mean) ** 2
        return type(self)(
            rows=rows,
            lowest=min(self.lowest, other.lowest),
            highest=max(self.highest, other.highest),
            square=ours * self.square + theirs * other.square,
            size=ours * self.size + theirs * other.size,
            mean=ours * self.mean + theirs * other.mean,
            variance=ours * self.variance + theirs * other.variance + apart,
        )

    def metrics(self) -> dict[str, float]:
        """RMSE and MAE in the label's unit; R2, which is 0 where the actual numbers are all the same."""
        r2 = 1 - self.square / self.variance if self.variance else 0.0
        return {"rmse": math.sqrt(self.square), "mae": self.size, "r2": r2}


@dataclass(frozen=True, kw_only=True)
class Hits:
    """How many rows have which (actual, predicted) classes."""

    pairs: dict[tuple[float, float], int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.pairs.values())

    @property
    def lowest(self) -> float:
        return min(told for _, told in self.pairs)

    @property
    def highest(self) -> float:
        return max(told for _, told in self.pairs)

    def __add__(self, other: Self) -> Self:
        both = {pair: self.pairs.get(pair, 0) + other.pairs.get(pair, 0) for pair in {*self.pairs, *other.pairs}}
        return type(self)(pairs=both)

    def metrics(self) -> dict[str, float]:
        """Accuracy, and F1 weighted by how frequent the classes are (as Spark's and scikit-learn's `weighted`)."""
        right = sum(count for (actual, told), count in self.pairs.items() if actual == told)
        f1 = 0.0
        for label in sorted({actual for actual, _ in self.pairs}):
            hit = self.pairs.get((label, label), 0)
            actual = sum(count for (each, _), count in self.pairs.items() if each == label)
            told = sum(count for (_, each), count in self.pairs.items() if each == label)
            f1 += actual / self.rows * 2 * hit / (actual + told)
        return {"accuracy": right / self.rows, "f1": f1}


def tally(scored: DataFrame, task: Task, label: str, by: Sequence[str] = ()) -> dict[Slice, Tally]:
    """What rows with `label` and a prediction add up to, by the values of some columns; a slice without rows is absent."""
    slices = [F.col(name).cast("string").alias(f"_{number}") for number, name in enumerate(by)]
    rows = scored.select(*slices, F.col(label).cast("double").alias("actual"), F.col(PREDICTION).alias("told"))
    names = [f"_{number}" for number in range(len(by))]
    found: dict[Slice, Tally] = {}
    if task == "classification":
        pairs: dict[Slice, dict[tuple[float, float], int]] = {}
        for row in rows.groupBy(*names, "actual", "told").agg(F.count("*").alias("rows")).collect():
            pairs.setdefault(_slice(row, names), {})[row.actual, row.told] = row.rows
        found.update({each: Hits(pairs=counts) for each, counts in pairs.items()})
        return found
    for row in rows.groupBy(*names).agg(*_sums()).collect():
        if row.rows:
            numbers = row.asDict()
            found[_slice(row, names)] = Errors(**{name: numbers[name] for name in Errors.__dataclass_fields__})
    return found


def _sums() -> list[F.Column]:
    off = F.col("told") - F.col("actual")
    return [
        F.count("*").alias("rows"),
        F.min("told").alias("lowest"),
        F.max("told").alias("highest"),
        F.avg(off * off).alias("square"),
        F.avg(F.abs(off)).alias("size"),
        F.avg("actual").alias("mean"),
        F.var_pop("actual").alias("variance"),
    ]


def _slice(row: Row, names: Sequence[str]) -> Slice:
    return tuple("null" if row[name] is None else str(row[name]) for name in names)


def silhouette(clustered: DataFrame) -> float:
    """How much nearer rows are to their own cluster than to the next one, -1 to 1; 0 where all are in one cluster.

    `clustered` has the vector that was clustered beside the cluster. Distances are squared ones, as in Spark.
    """
    from pyspark.ml.evaluation import ClusteringEvaluator

    if clustered.select(PREDICTION).distinct().count() < 2:
        return 0.0
    return float(ClusteringEvaluator(featuresCol=ASSEMBLED, predictionCol=PREDICTION).evaluate(clustered))
