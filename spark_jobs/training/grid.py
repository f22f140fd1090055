"""A grid of parameters, tried on folds that are ordered in time.

Each fold is a block of partitions, measured with a model that has learnt from every older partition: an expanding window.
Spark's own CrossValidator and TrainValidationSplit draw rows at random, so they would measure on days older than those learnt
from.
"""

from itertools import product

from landfall.spec.learner import Estimator, Number, Task
from landfall.spec.partition import Partition, Partitions

FOLDS = 3
DECISIVE: dict[Task, str] = {"regression": "rmse", "classification": "f1", "clustering": "silhouette"}
"""The metric by which a point of the grid is chosen."""


def points(estimator: Estimator) -> list[dict[str, Number]]:
    """Every combination of the grid's values, with the fixed parameters added; only these if there is no grid."""
    grid = estimator.grid
    return [{**estimator.parameters, **dict(zip(grid, values, strict=True))} for values in product(*grid.values())]


def expanding(partitions: Partitions) -> list[tuple[Partition, Partition]]:
    """Folds ordered in time, each as the (first, last) partition to measure on; every older partition is learnt from.

    At most three blocks of equal size, the newest quarters of `partitions`, of which there are at least two.
    """
    size = max(1, len(partitions) // (FOLDS + 1))
    count = min(FOLDS, len(partitions) - 1)
    starts = [len(partitions) - size * (count - number) for number in range(count)]
    return [(partitions.days[start], partitions.days[start + size - 1]) for start in starts]
