"""A change of what is deployed: one transaction, tried again while a lock is not granted, or rolled back if only shown.

Nothing is locked for longer than it takes to write a few lines of the catalogue: adding empty columns and triggers moves no row.
Writers that come meanwhile wait for those milliseconds, at most for one attempt of 0.2 s.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from landfall.database import Database, Patience, explained, require_idle
from landfall.deployments.history import end, record
from landfall.deployments.plan import Plan
from landfall.deployments.schema import stand_alone
from landfall.errors import DeploymentError

Say = Callable[[str], None]
Result = TypeVar("Result")
SHOWN = 40
"""A longer statement is shown without the lines in its middle, unless it is only shown; that of a forest has thousands."""


class _OnlyShown(Exception):
    """Rolls back what was done only to be shown; its argument is the result."""


def silent(text: str) -> None:
    """Nobody listens."""


def changing(
    conn: Database,
    what: str,
    work: Callable[[Callable[[Plan], None]], Result],
    *,
    say: Say = silent,
    only_show: bool = False,
    patience: float = 60,
) -> Result:
    """Does `work` in one transaction; it is done again from its start if a lock was not granted.

    Args:
        conn: A connection of its own, in autocommit mode.
        what: What fails, as the error says it.
        work: Looks at what is there, makes a plan and gives it to the function that it gets, which carries it out.
        say: Gets the plan, statement by statement, each before it is run.
        only_show: Whether everything is taken back at the end; long statements are shown whole then.
        patience: Seconds.

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

    def once() -> Result:
        stand_alone(conn)
        result = work(carry_out)
        if only_show:
            raise _OnlyShown(result)
        return result

    waiting = Patience(what, "nothing was changed", patience)
    mend = "mend what PostgreSQL says, then ask again"
    with explained(conn, what, left="nothing was changed", next=mend, kind=DeploymentError):
        try:
            return waiting.for_locks(conn, once, "writers or another deployment")[0]
        except _OnlyShown as shown:
            return cast(Result, shown.args[0])


def _shortened(statement: str) -> str:
    """A statement of many lines without those in its middle."""
    lines = statement.split("\n")
    if len(lines) <= SHOWN:
        return statement
    half = SHOWN // 2
    return "\n".join([*lines[:half], f"  -- {len(lines) - 2 * half:,} lines more", *lines[-half:]])
