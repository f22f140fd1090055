"""`python -m landfall.deployments.repair` replaces the functions of earlier versions of Landfall by those of this version.

It compares the functions of each deployment with the history. If the text, search path or rights of a function differ, it makes
the function anew from the recorded scoring, in a transaction of its own. It locks no table and touches no row, so writers go on.
It leaves a function alone that is as it should be, so it may run at any time, several times at once. The embedded stack calls it
before it starts Airflow, and so does `airflow-init` of docker-compose.yaml. With a database of your own, call it once after an
update.

It does not examine the past: it cannot tell whether somebody has used an unsafe function.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, connect, fetch
from landfall.deployments import chain, trigger
from landfall.deployments.change import Say, changing, silent
from landfall.deployments.history import Deployed, current_scoring, deployments
from landfall.deployments.plan import Plan
from landfall.deployments.table import find_table
from landfall.errors import LandfallError
from landfall.stack import settings

_THERE = sql.SQL("""
SELECT p.proname, p.prosrc, p.prosecdef, p.proconfig FROM pg_catalog.pg_proc p
WHERE p.pronamespace = pg_catalog.to_regnamespace('landfall_models')""")
_UNPINNED = sql.SQL("""
SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text FROM pg_catalog.pg_proc p
WHERE p.pronamespace = pg_catalog.to_regnamespace('landfall_models')
  AND (p.proconfig IS NULL OR NOT p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp']) ORDER BY 1""")
_CONFIG = ["search_path=pg_catalog, pg_temp"]


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What a repair has done.

    Args:
        tables: The tables whose functions were made anew.
        pinned: The functions that only got the search path: they belong to no present deployment, or could not be made anew.
        failed: Table or function that could not be repaired -> the error. It is as it was.
    """

    tables: tuple[str, ...]
    pinned: tuple[str, ...]
    failed: dict[str, LandfallError]


def repair(conn: Database, *, say: Say = silent) -> Repaired:
    """Makes every function of the deployments as this version of Landfall would make it.

    Args:
        conn: A connection of its own, in autocommit mode, of the role that deploys.
        say: Called with each statement.

    Raises:
        PublishingError: the connection is lost.
    """
    tables: list[str] = []
    failed: dict[str, LandfallError] = {}
    pinned: list[str] = []
    for deployment in deployments(conn):
        with _noted(conn, failed, str(deployment.table)):
            if _differ(conn, deployment):
                _make_anew(conn, deployment, say)
                tables.append(str(deployment.table))
    for (name,) in fetch(conn, _UNPINNED):
        with _noted(conn, failed, str(name)):
            _pin(conn, str(name), say)
            pinned.append(str(name))
    return Repaired(tables=tuple(tables), pinned=tuple(pinned), failed=failed)


@contextmanager
def _noted(conn: Database, failed: dict[str, LandfallError], name: str) -> Iterator[None]:
    """Notes an error in `failed` instead of raising it, so that the other functions are repaired all the same.

    Raises:
        LandfallError: the connection is lost.
    """
    try:
        yield
    except LandfallError as error:
        if conn.closed:
            raise
        failed[name] = error


def _make_anew(conn: Database, deployment: Deployed, say: Say) -> None:
    def work(run: Callable[[Plan], None]) -> None:
        run(Plan(statements=tuple(_differ(conn, deployment))))

    changing(conn, f"The functions of `{deployment.table}` could not be made anew.", work, say=say)


def _differ(conn: Database, deployment: Deployed) -> list[str]:
    """The statements that make those functions of a deployment anew that differ from what this version would make."""
    present = {str(name): tuple(rest) for name, *rest in fetch(conn, _THERE)}
    functions = [
        (f"score_{deployment.id}", current_scoring(conn, deployment.id).trigger_body(deployment.filled), False)
    ]
    if deployment.fed_by and (source := find_table(conn, deployment.fed_by)):
        functions.append(
            (f"feed_{deployment.id}", chain.feeding_body(deployment.table, source.key, deployment.feeds), True)
        )
    return [
        statement
        for name, body, as_owner in functions
        if name in present and present[name] != (body, as_owner, _CONFIG)
        for statement in trigger.make_function(name, body, as_owner=as_owner)
    ]


def _pin(conn: Database, name: str, say: Say) -> None:
    plan = Plan(statements=(f"ALTER FUNCTION {name} {trigger.PINNED}",))
    changing(conn, f"`{name}` could not be given a safe search path.", lambda run: run(plan), say=say)


def main() -> int:
    """Repairs the predictions database of the environment and prints what was done. Gives 1 only if it cannot be reached.

    A function that could not be repaired is printed too, and `landfall deployments` keeps showing it. It is no reason to fail:
    a function of another role must not keep the stack from starting.
    """
    try:
        with connect(settings()) as conn:
            done = repair(conn)
    except LandfallError as error:
        print(error, file=sys.stderr)
        return 1
    for table in done.tables:
        print(f"made anew: the functions of {table}")
    for function in done.pinned:
        print(f"given a safe search path: {function}")
    for problem in done.failed.values():
        print(problem, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
