"""Signs of life while a batch is at work, from a thread with its own connection: a first batch takes long, under load too."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from landfall.database import HasDatabase, connect
from landfall.errors import LandfallError
from landfall.streams.state import Fenced, StreamState, beat

PAUSE = 5.0
"""The seconds between two signs of life, and before the first."""
LONGEST = 600.0
"""The seconds that a batch may be at work. One that takes longer hangs: it gives no sign of life any more."""


@contextmanager
def pulse(
    settings: HasDatabase, epoch: int, shown: Callable[[], StreamState], hung: Callable[[], object] | None = None
) -> Iterator[None]:
    """Gives signs of life until the block ends. They fail in silence: whoever drives the stream meets the same trouble itself.

    Args:
        settings: Where the database is.
        epoch: The epoch of whoever drives the stream.
        shown: How the stream stands, as it was written down last.
        hung: What is called, in the thread, if the block has not ended after `LONGEST`. None: nothing.
    """
    over = threading.Event()

    def give() -> None:
        until = time.monotonic() + LONGEST
        while not over.wait(PAUSE) and time.monotonic() < until:
            with suppress(LandfallError, Fenced), connect(settings, longest=PAUSE) as conn:
                beat(conn, shown().name, epoch, shown())
        if hung and not over.is_set():
            hung()

    thread = threading.Thread(target=give, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
