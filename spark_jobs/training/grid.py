"""A grid of parameters, tried on folds that are ordered in time.

Each fold is measured on a block of partitions by a model that has learnt from every older one: an expanding window. Spark's
own CrossValidator and TrainValidationSplit draw rows by chance, so they would measure on days older than what was learnt from.
"""

from itertools import product

from landfall.spec.learner import Estimator, Number, Task
from landfall.spec.partition import Partition, Partitions

FOLDS = 3
DECISIVE: dict[Task, str] = {"regression": "rmse", "classification": "f1", "clustering": "silhouette"}
"""The metric by which a point of the grid is chosen."""


def points(estimator: Estimator) -> list[dict[str, Number]]:
    """Every combination of the grid's values, each with the fixed parameters; those alone if there is no grid."""
    grid = estimator.grid
    return [{**estimator.parameters, **dict(zip(grid, values, strict=True))} for values in product(*grid.values())]


def expanding(seen: Partitions) -> list[tuple[Partition, Partition]]:
    """Folds ordered in time, each as (first, last) partition to measure on; every older partition is to be learnt from.

    At most three blocks of equal size, the newest quarters of `seen`, which has at least two partitions.
    """
    size = max(1, len(seen) // (FOLDS + 1))
    count = min(FOLDS, len(seen) - 1)
    starts = [len(seen) - size * (count - number) for number in range(count)]
    return [(seen.days[start], seen.days[start + size - 1]) for start in starts]
