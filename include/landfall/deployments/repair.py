"""`python -m landfall.deployments.repair`: functions that an earlier version of Landfall made become those that this one makes.

Each deployment is compared with what the history says of it: a function whose text, search path or rights are others is made anew
from the recorded scoring, in a transaction of its own. No lock on a table is taken and no row is touched, so writers go on. What
is as it should be is left alone, so it may run at any time, by several at once. Called by the embedded stack before Airflow is
started, and by `airflow-init` of docker-compose.yaml; with a database of your own, call it once after an update.

It does not go into the past: it cannot tell whether somebody has used an unsafe function.
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
from landfall.deployments.schema import is_there
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
    """What was done.

    Args:
        tables: The tables whose functions were made anew.
        pinned: Functions of no deployment that is left, or that could not be made anew; they got the search path alone.
        failed: Why something could not be done, by the table or the function. That is as it was.
    """

    tables: tuple[str, ...]
    pinned: tuple[str, ...]
    failed: dict[str, LandfallError]


def repair(conn: Database, *, say: Say = silent) -> Repaired:
    """Makes every function of the deployments what this version would make.

    Args:
        conn: A connection of its own, in autocommit mode, of the role that deploys.
        say: Is told each statement.

    Raises:
        PublishingError: the connection is lost.
    """
    tables: list[str] = []
    failed: dict[str, LandfallError] = {}
    if not is_there(conn):
        return Repaired(tables=(), pinned=(), failed={})
    pinned: list[str] = []
    for found in deployments(conn):
        with _noted(conn, failed, str(found.table)):
            if _differ(conn, found):
                _make_anew(conn, found, say)
                tables.append(str(found.table))
    for (name,) in fetch(conn, _UNPINNED):
        with _noted(conn, failed, str(name)):
            _pin(conn, str(name), say)
            pinned.append(str(name))
    return Repaired(tables=tuple(tables), pinned=tuple(pinned), failed=failed)


@contextmanager
def _noted(conn: Database, failed: dict[str, LandfallError], name: str) -> Iterator[None]:
    """Keeps an error for the end, so that one that cannot be repaired does not keep the others from it."""
    try:
        yield
    except LandfallError as error:
        if conn.closed:
            raise
        failed[name] = error


def _make_anew(conn: Database, found: Deployed, say: Say) -> None:
    def work(run: Callable[[Plan], None]) -> None:
        run(Plan(statements=tuple(_differ(conn, found))))

    changing(conn, f"The functions of `{found.table}` could not be made anew.", work, say=say)


def _differ(conn: Database, found: Deployed) -> list[str]:
    """The statements that make those functions of a deployment anew that are not there as they should be."""
    there = {str(name): tuple(rest) for name, *rest in fetch(conn, _THERE)}
    functions = [(f"score_{found.id}", current_scoring(conn, found.id).trigger_body(found.filled), False)]
    if found.fed_by and (source := find_table(conn, found.fed_by)):
        functions.append((f"feed_{found.id}", chain.feeding_body(found.table, source.key, found.feeds), True))
    return [
        statement
        for name, body, as_owner in functions
        if name in there and there[name] != (body, as_owner, _CONFIG)
        for statement in trigger.make_function(name, body, as_owner=as_owner)
    ]


def _pin(conn: Database, name: str, say: Say) -> None:
    plan = Plan(statements=(f"ALTER FUNCTION {name} {trigger.PINNED}",))
    changing(conn, f"`{name}` could not be given a safe search path.", lambda run: run(plan), say=say)


def main() -> int:
    """Repairs the predictions database of the environment, and prints what was done; 1 only if it cannot be reached.

    What could not be repaired is printed too, and `landfall deployments` goes on to say so: a function of another role does not
    keep the stack from starting.
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
