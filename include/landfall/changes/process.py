"""The process of one learner: `python -m landfall.changes.process NAME`. See `landfall.streams.runner`."""

import sys

from landfall.changes.driver import drive
from landfall.pipelines import find_learner
from landfall.spec import Settings
from landfall.streams.process import driven


def main() -> int:
    """Drives the learner. Gives the exit code: 0 if it was told to stop, 1 if it failed, 3 if another process took it."""
    return driven(lambda name: drive(Settings.read(), find_learner(name)))


if __name__ == "__main__":
    sys.exit(main())
