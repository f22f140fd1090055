"""Becomes a server that dies with its supervisor: `python -I -S guard.py SIGNAL COMMAND...`.

It runs as a file, and the server's program then replaces it: in a forked copy of a threaded process this set-up would not be
safe. It imports nothing of Landfall.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    signal_number, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)


main()
