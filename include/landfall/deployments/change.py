"""Carries out a change of what is deployed, in one transaction.

The transaction is tried again while a lock is not granted. If the change is only to be shown, it is rolled back.

A lock lasts only as long as PostgreSQL needs to write a few lines of its catalogue: adding empty columns and triggers moves no
row. Writers that come meanwhile wait for those milliseconds, and at most for one attempt of 0.2 s.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from landfall.database import Database, Patience, explained, require_idle
from landfall.deployments.history import end, record
from landfall.deployments.plan import Plan
from landfall.deployments.schema import stand_alone
from landfall.errors import DeploymentError

Say = Callable[[str], None]
T = TypeVar("T")
SHOWN = 40
"""A statement of more lines is shown without the lines in its middle: a forest's has thousands. With `only_show` it is whole."""


class _OnlyShown(Exception):
    """Rolls back a change that was made only to be shown. Its argument is the result of the work."""


def silent(text: str) -> None:
    """Drops the text: nobody listens."""


def changing(
    conn: Database,
    what: str,
    work: Callable[[Callable[[Plan], None]], T],
    *,
    say: Say = silent,
    only_show: bool = False,
    patience: float = 60,
) -> T:
    """Does `work` in one transaction. If a lock was not granted, `work` starts anew in another transaction.

    Args:
        conn: A connection of its own, in autocommit mode.
        what: The first sentence of the error, such as that a deployment failed.
        work: Reads the database, makes a plan, and calls its argument with it: that function carries the plan out.
        say: Called with each statement of the plan before it is run.
        only_show: True if everything is rolled back at the end. Long statements are then shown whole.
        patience: The seconds to wait for locks.

    Raises:
        DeploymentError: `work` refuses, or PostgreSQL does. Nothing was changed.
        PublishingError: a lock was not granted in time. Nothing was changed.
    """
    require_idle(conn)

    def carry_out(plan: Plan) -> None:
        for statement in plan.statements:
            remark = statement.startswith("--")
            say(statement if remark else f"{statement if only_show else _shortened(statement)};")
            if not remark:
                conn.execute(statement.encode())
        for number in plan.ended:
            end(conn, number)
        if plan.entry:
            record(conn, plan.entry)

    def attempt() -> T:
        stand_alone(conn)
        result = work(carry_out)
        if only_show:
            raise _OnlyShown(result)
        return result

    waiting = Patience(what, "nothing was changed", patience)
    mend = "mend what PostgreSQL says, then ask again"
    with explained(conn, what, left="nothing was changed", next=mend, kind=DeploymentError):
        try:
            return waiting.for_locks(conn, attempt, "writers or another deployment")[0]
        except _OnlyShown as shown:
            return cast(T, shown.args[0])


def _shortened(statement: str) -> str:
    """The statement without the lines in its middle, if it has more than `SHOWN` lines."""
    lines = statement.split("\n")
    if len(lines) <= SHOWN:
        return statement
    half = SHOWN // 2
    return "\n".join([*lines[:half], f"  -- {len(lines) - 2 * half:,} lines more", *lines[-half:]])
