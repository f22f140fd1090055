"""A grid's points, and folds that never measure on days older than what was learnt from."""

from itertools import pairwise

import pytest

from landfall.spec import Estimator, Partition, Partitions
from spark_jobs.training.grid import expanding, points

FIRST = Partition.parse("2012-06-01")


def days(count: int) -> Partitions:
    """So many days in a row."""
    everything = Partitions.parse("2012-06-01..2012-12-31")
    return Partitions.of(everything.days[:count])


def test_every_combination_is_a_point_with_the_fixed_parameters() -> None:
    grid: dict[str, tuple[int | float | str | bool, ...]] = {"maxDepth": (3, 5), "numTrees": (10, 20)}
    declared = Estimator(kind="random_forest", task="regression", parameters={"maxBins": 64}, grid=grid)
    assert points(declared) == [
        {"maxBins": 64, "maxDepth": 3, "numTrees": 10},
        {"maxBins": 64, "maxDepth": 3, "numTrees": 20},
        {"maxBins": 64, "maxDepth": 5, "numTrees": 10},
        {"maxBins": 64, "maxDepth": 5, "numTrees": 20},
    ]


def test_without_a_grid_there_is_one_point() -> None:
    declared = Estimator(kind="linear", task="regression", parameters={"regParam": 0.1})
    assert points(declared) == [{"regParam": 0.1}]


def test_folds_are_the_newest_quarters_one_after_the_other() -> None:
    told = [(str(first), str(last)) for first, last in expanding(days(16))]
    assert told == [("2012-06-05", "2012-06-08"), ("2012-06-09", "2012-06-12"), ("2012-06-13", "2012-06-16")]


@pytest.mark.parametrize("count", range(2, 60))
def test_every_fold_has_something_older_to_learn_from_and_the_last_ends_with_the_newest(count: int) -> None:
    seen = days(count)
    folds = expanding(seen)
    assert 1 <= len(folds) <= 3
    assert all(FIRST < first <= last for first, last in folds)
    assert all(one[1].end == other[0].start for one, other in pairwise(folds))
    assert folds[-1][1] == seen.days[-1]
