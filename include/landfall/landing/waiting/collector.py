"""Python's garbage collector, kept from going through everything that waits again and again.

A full collection visits every object there is: with 10,000 waits 0.3 to 0.6 s in which the event loop does nothing. It also
comes too seldom while waits come, because it is due when the objects have grown by a quarter: until then the DAGs that
Airflow reads for each wait lie about, as rings of objects that refer to each other, and the heap grows around them.

So every hundred waits what is there is collected, and when no more come, all that is left is set aside (`gc.freeze`), where
no collection looks. What is set aside still goes when nothing refers to it any more. Rings among it would stay, so after an
hour at the earliest, when waits have come again, everything is looked at once more.
"""

import gc
import time

EACH = 100
"""Waits after which what is there is collected."""
QUIET = 2.0
"""Seconds without a new wait after which what is left is set aside: the DAG of a wait that is just coming would stay."""
AGAIN = 3600.0
"""Seconds after which what was set aside is looked at again."""


class Collector:
    """The collector of this process, as its listers use it."""

    def __init__(self) -> None:
        self._uncollected = self._young = 0
        self._came = self._looked = 0.0

    def came(self) -> None:
        """Note one more wait. With the first, all that the process has imported is set aside, once."""
        if not self._came:
            self._set_aside()
            self._looked = time.monotonic()
        self._came = time.monotonic()
        self._young += 1
        self._uncollected += 1
        if self._uncollected >= EACH:
            self._uncollected = 0
            gc.collect()

    def rest(self) -> None:
        """Set aside what has come, if it was much and is over."""
        now = time.monotonic()
        if self._young < EACH or now - self._came < QUIET:
            return
        if now - self._looked >= AGAIN:
            self._looked = now
            gc.unfreeze()
        self._set_aside()

    def _set_aside(self) -> None:
        self._young = self._uncollected = 0
        gc.collect()
        gc.freeze()


of_this_process = Collector()
