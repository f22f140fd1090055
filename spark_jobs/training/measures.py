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
"""The values, as text, of the columns that rows are sliced by."""


class Tally(Protocol):
    """The sums over some rows with a prediction."""

    @property
    def rows(self) -> int: ...

    @property
    def lowest(self) -> float:
        """The smallest prediction."""

    @property
    def highest(self) -> float:
        """The largest prediction."""

    def __add__(self, other: Self) -> Self:
        """The tally of both sets of rows together."""

    def metrics(self) -> dict[str, float]:
        """Metric -> value."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """The errors (predicted - actual) of some rows: mean square, mean size; also mean and variance of the actual numbers."""

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
        """RMSE and MAE in the label's unit; R2, which is 0 if all actual numbers are the same."""
        r2 = 1 - self.square / self.variance if self.variance else 0.0
        return {"rmse": math.sqrt(self.square), "mae": self.size, "r2": r2}


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The number of rows for each pair of (actual, predicted) classes."""

    pairs: dict[tuple[float, float], int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.pairs.values())

    @property
    def lowest(self) -> float:
        return min(predicted for _, predicted in self.pairs)

    @property
    def highest(self) -> float:
        return max(predicted for _, predicted in self.pairs)

    def __add__(self, other: Self) -> Self:
        both = {pair: self.pairs.get(pair, 0) + other.pairs.get(pair, 0) for pair in {*self.pairs, *other.pairs}}
        return type(self)(pairs=both)

    def metrics(self) -> dict[str, float]:
        """Accuracy, and F1 weighted by the frequency of the classes (as `weighted` in Spark and scikit-learn)."""
        right = sum(count for (actual, predicted), count in self.pairs.items() if actual == predicted)
        f1 = 0.0
        for label in sorted({actual for actual, _ in self.pairs}):
            hit = self.pairs.get((label, label), 0)
            actual = sum(count for (class_, _), count in self.pairs.items() if class_ == label)
            predicted = sum(count for (_, class_), count in self.pairs.items() if class_ == label)
            f1 += actual / self.rows * 2 * hit / (actual + predicted)
        return {"accuracy": right / self.rows, "f1": f1}


def tally(scored: DataFrame, task: Task, label: str, by: Sequence[str] = ()) -> dict[Slice, Tally]:
    """The tally of rows with `label` and a prediction, by the values of some columns; a slice without rows is absent."""
    slices = [F.col(name).cast("string").alias(f"_{number}") for number, name in enumerate(by)]
    rows = scored.select(*slices, F.col(label).cast("double").alias("actual"), F.col(PREDICTION).alias("predicted"))
    names = [f"_{number}" for number in range(len(by))]
    tallies: dict[Slice, Tally] = {}
    if task == "classification":
        pairs: dict[Slice, dict[tuple[float, float], int]] = {}
        for row in rows.groupBy(*names, "actual", "predicted").agg(F.count("*").alias("rows")).collect():
            pairs.setdefault(_slice(row, names), {})[row.actual, row.predicted] = row.rows
        tallies.update({slice_: Hits(pairs=counts) for slice_, counts in pairs.items()})
        return tallies
    for row in rows.groupBy(*names).agg(*_sums()).collect():
        if row.rows:
            numbers = row.asDict()
            tallies[_slice(row, names)] = Errors(**{name: numbers[name] for name in Errors.__dataclass_fields__})
    return tallies


def _sums() -> list[F.Column]:
    error = F.col("predicted") - F.col("actual")
    return [
        F.count("*").alias("rows"),
        F.min("predicted").alias("lowest"),
        F.max("predicted").alias("highest"),
        F.avg(error * error).alias("square"),
        F.avg(F.abs(error)).alias("size"),
        F.avg("actual").alias("mean"),
        F.var_pop("actual").alias("variance"),
    ]


def _slice(row: Row, names: Sequence[str]) -> Slice:
    return tuple("null" if row[name] is None else str(row[name]) for name in names)


def silhouette(clustered: DataFrame) -> float:
    """How much nearer rows are to their own cluster than to the next one, from -1 to 1; 0 if all are in one cluster.

    `clustered` has the vector and its cluster. Distances are squared, as in Spark.
    """
    from pyspark.ml.evaluation import ClusteringEvaluator

    if clustered.select(PREDICTION).distinct().count() < 2:
        return 0.0
    return float(ClusteringEvaluator(featuresCol=ASSEMBLED, predictionCol=PREDICTION).evaluate(clustered))
