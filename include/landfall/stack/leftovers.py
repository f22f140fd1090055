"""Ending what a supervisor that was killed left behind, by what it had recorded: nothing else is touched."""

import psutil

from landfall.stack import children
from landfall.stack.state import State


def find(state: State) -> list[psutil.Process]:
    """The processes of that run that are still alive. After a reboot there are none: the numbers mean nothing then."""
    if state.boot != children.this_boot():
        return []
    found = (children.family(part.pid, part.created) for part in state.parts if part.pid)
    return [one for family in found for one in family]


def end(state: State) -> int:
    """Ends them and says how many there were."""
    left = find(state)
    children.end(left, patience=8)
    again = find(state)  # what they started while they were ending
    children.end(again, patience=1)
    return len(left)
