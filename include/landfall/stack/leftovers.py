"""Ends what a killed supervisor left behind, by its records. No other process is touched."""

import psutil

from landfall.stack import children
from landfall.stack.state import StackState


def find(state: StackState) -> list[psutil.Process]:
    """The processes of that run that are still alive; empty after a reboot, when the recorded numbers mean nothing."""
    if state.boot != children.this_boot():
        return []
    families = (children.family(part.pid, part.created) for part in state.parts if part.pid)
    return [process for family in families for process in family]


def end(state: StackState) -> int:
    """Ends those processes, and gives how many there were."""
    left = find(state)
    children.end(left, patience=8)
    again = find(state)  # processes that the others started while they were ending
    children.end(again, patience=1)
    return len(left)
