"""A change of what is deployed: one transaction, tried again while a lock is not granted, or rolled back if only shown.

Nothing is locked for longer than it takes to write a few lines of the catalogue: adding empty columns and triggers moves no row.
Writers that come meanwhile wait for those milliseconds, at most for one attempt of 0.2 s.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from landfall.database import Database, Patience, explained, require_idle
from landfall.deployments.schema import stand_alone
from landfall.errors import DeploymentError

Say = Callable[[str], None]
Told = TypeVar("Told")
SHOWN = 40
"""So many lines of a statement are told; a forest has thousands."""


class _OnlyShown(Exception):
    """Takes back what was done only to be shown."""


def silent(text: str) -> None:
    """Nobody listens."""


@dataclass
class Change:
    """The connection in the transaction of one change, and who is told of each statement.

    Args:
        conn: The connection.
        say: Is told each statement before it is run.
        whole: Whether long statements are told whole.
    """

    conn: Database
    say: Say = silent
    whole: bool = False

    def run(self, *statements: str) -> None:
        """Run statements one after the other."""
        for statement in statements:
            self.say(f"{statement if self.whole else shortened(statement)};")
            self.conn.execute(statement.encode())


def shortened(statement: str) -> str:
    """A statement of many lines without those in its middle."""
    lines = statement.split("\n")
    if len(lines) <= SHOWN:
        return statement
    half = SHOWN // 2
    return "\n".join([*lines[:half], f"  -- {len(lines) - 2 * half:,} lines more", *lines[-half:]])


def changing(
    conn: Database,
    what: str,
    work: Callable[[Change], Told],
    *,
    say: Say = silent,
    only_show: bool = False,
    patience: float = 60,
) -> Told:
    """Do `work` in one transaction; it is done again from its start where a lock was not granted.

    Args:
        conn: A connection of its own, in autocommit mode.
        what: What fails, as the error says it.
        work: What is done.
        say: Is told each statement.
        only_show: Whether everything is taken back at the end; long statements are told whole then.
        patience: Seconds.

    Raises:
        DeploymentError: `work` refuses, or PostgreSQL does. Nothing was changed.
        PublishingError: a lock was not granted in time. Nothing was changed.
    """
    require_idle(conn)
    told: list[Told] = []

    def once() -> tuple[int | None, float]:
        told.clear()
        stand_alone(conn)
        told.append(work(Change(conn, say, whole=only_show)))
        if only_show:
            raise _OnlyShown
        return None, time.perf_counter()

    waiting = Patience(what, "nothing was changed", patience)
    mend = "mend what PostgreSQL says, then ask again"
    with explained(conn, what, left="nothing was changed", next=mend, kind=DeploymentError), suppress(_OnlyShown):
        waiting.for_locks(conn, once, "writers or another deployment")
    return told[0]
