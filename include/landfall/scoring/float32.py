"""Libraries that round a feature to float32 before they compare it, while SQL compares the double itself."""

import math

FLOAT32 = 3.4028235677973362e38
"""The largest double that does not become infinity as a float32, which is what trees get."""


def threshold(value: float) -> float:
    """The largest double that a tree sends left: a tree compares float32(x), rounded half to even, with the threshold.

    SQL can thus compare x itself with a number between two floats and needs no cast. Infinity if every finite float goes left.
    """
    import numpy as np

    below = np.float32(value)
    if float(below) > value:
        below = np.nextafter(below, np.float32(-np.inf))
    above = np.nextafter(below, np.float32(np.inf))
    if not np.isfinite(above):
        return math.inf
    middle = (float(below) + float(above)) / 2
    return middle if float(np.float32(middle)) <= value else math.nextafter(middle, -math.inf)
