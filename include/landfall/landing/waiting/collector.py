"""Keeps Python's garbage collector from going through all waits again and again.

A full collection visits every object: with 10,000 waits, 0.3 to 0.6 s in which the event loop does nothing. It also
comes too seldom while waits arrive, because it is due when the objects have grown by a quarter. Until then the DAGs that
Airflow reads for each wait are kept as rings of objects that refer to each other, and the heap grows around them.

So after every hundred waits the garbage is collected, and when no more come, everything that is left is set aside
(`gc.freeze`), where no collection looks. An object that was set aside still goes when nothing refers to it. Rings among them
would stay, so everything is looked at once more, after an hour at the earliest, when waits have come again.
"""

import gc
import time

BATCH = 100
"""The number of waits after which garbage is collected."""
QUIET = 2.0
"""Seconds without a new wait before the rest is set aside: sooner, the DAG of a wait that is just coming would stay in memory."""
AGAIN = 3600.0
"""Seconds after which what was set aside is looked at again."""


class Collector:
    """The garbage collector of this process, as its listers use it."""

    def __init__(self) -> None:
        self._uncollected = self._young = 0
        self._came = self._looked_at_all = 0.0

    def came(self) -> None:
        """Notes one more wait. The first wait sets aside, once, everything that the process has imported."""
        if not self._came:
            self._set_aside()
            self._looked_at_all = time.monotonic()
        self._came = time.monotonic()
        self._young += 1
        self._uncollected += 1
        if self._uncollected >= BATCH:
            self._uncollected = 0
            gc.collect()

    def rest(self) -> None:
        """Sets aside what has come, if that was much and no more is coming."""
        now = time.monotonic()
        if self._young < BATCH or now - self._came < QUIET:
            return
        if now - self._looked_at_all >= AGAIN:
            self._looked_at_all = now
            gc.unfreeze()
        self._set_aside()

    def _set_aside(self) -> None:
        self._young = self._uncollected = 0
        gc.collect()
        gc.freeze()


of_this_process = Collector()
