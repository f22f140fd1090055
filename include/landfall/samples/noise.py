"""Noise that belongs to the calendar: every day has its own noise, which continues smoothly over midnight.

A process with memory is a weighted sum of the white noise of the last days, and each day's white noise is seeded by its
date alone. So an hour has one value, whichever days are requested, and neighbouring days fit together.
"""

import math
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SEED = 20110101
HISTORY_DAYS = 7


def generator(stream: int, ordinal: int) -> "np.random.Generator":
    """The random numbers of one day (a proleptic ordinal) for one purpose (`stream`)."""
    import numpy as np

    return np.random.default_rng([_SEED, stream, ordinal])


def hourly_noise(stream: int, day: date, memory: float) -> "NDArray[np.float64]":
    """24 values of a standard normal process whose autocorrelation falls to 1/e in `memory` hours (0: none)."""
    import numpy as np

    if memory <= 0:
        return _white(stream, day.toordinal())
    ordinals = range(day.toordinal() - HISTORY_DAYS, day.toordinal() + 1)
    white = np.concatenate([_white(stream, ordinal) for ordinal in ordinals])
    return np.convolve(white, _weights(memory), mode="valid")[-24:]


@lru_cache(maxsize=256)
def _white(stream: int, ordinal: int) -> "NDArray[np.float64]":
    return generator(stream, ordinal).standard_normal(24)


@lru_cache(maxsize=16)
def _weights(memory: float) -> "NDArray[np.float64]":
    import numpy as np

    weights = math.exp(-1 / memory) ** np.arange(24 * HISTORY_DAYS)
    scaled: NDArray[np.float64] = weights / np.sqrt((weights**2).sum())
    return scaled
