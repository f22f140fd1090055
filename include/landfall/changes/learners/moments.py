"""Count, mean and sum of squared deviations of columns, and how those of two sets of rows are merged.

Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
"""

import numpy as np

from landfall.changes.learners.learner import Numbers, Rows


def no_moments(size: int) -> Numbers:
    """Those of no rows. `count` has one number, `mean` and `squares` (squared deviations from the mean) one a column."""
    return {"count": np.zeros(1), "mean": np.zeros(size), "squares": np.zeros(size)}


def moments(rows: Rows) -> Numbers:
    """Those of some rows."""
    if not len(rows):
        return no_moments(rows.shape[1])
    mean = rows.mean(axis=0)
    return {"count": np.array([float(len(rows))]), "mean": mean, "squares": ((rows - mean) ** 2).sum(axis=0)}


def merged(one: Numbers, other: Numbers) -> Numbers:
    """Those of two sets of rows together. Works on arrays with a further first dimension as well, such as classes."""
    count = one["count"] + other["count"]
    share = _by_row(np.divide(other["count"], count, out=np.zeros_like(count), where=count > 0), one["mean"])
    gap = other["mean"] - one["mean"]
    return {
        "count": count,
        "mean": one["mean"] + gap * share,
        "squares": one["squares"] + other["squares"] + gap**2 * share * _by_row(one["count"], one["mean"]),
    }


def variance(of: Numbers) -> Rows:
    """The mean squared deviation (of the population); 0 for no rows."""
    return np.asarray(of["squares"] / np.maximum(_by_row(of["count"], of["mean"]), 1.0), dtype=np.float64)


def _by_row(counts: Rows, like: Rows) -> Rows:
    return counts[:, None] if like.ndim == 2 else counts


def scaled(rows: Rows, by: Numbers) -> Rows:
    """The rows with mean 0 and standard deviation 1 for each column; a column that has no spread is only shifted."""
    deviation = np.sqrt(variance(by))
    return np.asarray((rows - by["mean"]) / np.where(deviation > 0, deviation, 1.0), dtype=np.float64)
