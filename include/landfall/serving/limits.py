"""Token buckets: how many requests each caller may make."""

import time
from collections import OrderedDict

BURST_SECONDS = 2.0
"""A caller who was silent may make the requests of so many seconds at once."""
REMEMBERED = 10_000
"""The most callers that are remembered; then the one that has been silent longest is forgotten."""


class Buckets:
    """A bucket for each caller. It fills with `per_second` tokens a second, and each request takes one or more."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, per_second: float, tokens: float = 1.0, *, now: float | None = None) -> float:
        """Takes tokens from a caller's bucket.

        Returns:
            0 if they were there; else the seconds until they will be, and none is taken.
        """
        moment = time.monotonic() if now is None else now
        most = max(per_second * BURST_SECONDS, tokens, 1.0)
        left, at = self._left.get(caller, (most, moment))
        left = min(most, left + (moment - at) * per_second)
        enough = left >= tokens
        self._left[caller] = (left - tokens if enough else left, moment)
        self._left.move_to_end(caller)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return 0.0 if enough else (tokens - left) / per_second
