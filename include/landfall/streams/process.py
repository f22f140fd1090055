"""The process of one stream: `python -m landfall.streams.process NAME`. See `landfall.streams.runner`."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from landfall.errors import LandfallError
from landfall.pipelines import find_stream
from landfall.spec import Settings
from landfall.streams.driver import drive

PARENT_GONE = 1.0
"""The seconds between two looks whether the runner that started us is still there."""


def main(argv: list[str] | None = None) -> int:
    """Drives the stream. Gives the exit code: see `driven`."""
    return driven(lambda name: drive(Settings.read(), find_stream(name), lambda: os._exit(5)), argv)


def driven(drive_one: Callable[[str], None], argv: list[str] | None = None) -> int:
    """Drives what the first argument names, until it is told to stop or the runner is gone.

    Gives the exit code: 0 if it was told to stop, 1 if it failed, 3 if another process took it. It ends with 4 when the runner is
    gone, and with 5 when a batch hangs.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    name = (sys.argv[1:] if argv is None else argv)[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        drive_one(name)
    except LandfallError as error:
        logging.getLogger("landfall.streams").error("%s", error)
        return 3 if type(error).__name__ == "Fenced" else 1
    return 0


def _end_with_parent(parent: int) -> None:
    """Ends this process when the runner is gone: killed by force, it cannot end us itself."""
    while os.getppid() == parent:
        time.sleep(PARENT_GONE)
    os._exit(4)


if __name__ == "__main__":
    sys.exit(main())
