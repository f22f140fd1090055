"""What a plan must know of the database, read at once: nothing is asked after it, so the plan is a matter of values alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from landfall.database import Database
from landfall.deployments.history import Deployed, current_scoring, deployed, deployments, filled_before, take_number
from landfall.deployments.request import Request
from landfall.deployments.scoring import Scoring
from landfall.deployments.table import Table, declared_table, find_table


@dataclass(frozen=True, kw_only=True)
class Present:
    """What is there.

    Args:
        number: Of the table's deployment; a new one if it has none, by which the statements call its functions.
        table: The table; with the oid 0, as it was declared, if it is to be made.
        found: Its deployment; None if it has none.
        gone: The deployment of a table of this name that was dropped.
        scoring: What scores it now.
        filled: Column -> type of those that any deployment to this table has ever filled.
        source: The deployment that is to feed it, or does; None if none does.
        source_table: Its table; None if that was dropped.
        deployments: All that are there.
    """

    number: int
    table: Table
    found: Deployed | None = None
    gone: Deployed | None = None
    scoring: Scoring | None = None
    filled: Mapping[str, str] = field(default_factory=dict)
    source: Deployed | None = None
    source_table: Table | None = None
    deployments: tuple[Deployed, ...] = ()


def look(conn: Database, request: Request) -> Present:
    """What is there for a deployment; to be asked in the transaction that is to change it.

    Raises:
        DeploymentError: the table, or the deployment that is to feed it, is not there, is no table, or is not ours to change; or
            a type of a column that is to be made is none.
    """
    there = tuple(deployments(conn))
    noted = next((deployment for deployment in there if deployment.table == request.table), None)
    found, gone = (None, noted) if noted and noted.gone else (noted, None)
    feeds = request.after.table if request.after else found.fed_by if found else None
    source = deployed(conn, feeds) if feeds else None
    source_table = find_table(conn, feeds) if feeds else None
    table = find_table(conn, request.table) or declared_table(conn, request)
    return Present(
        number=found.id if found else take_number(conn, request.table, request.model),
        table=table,
        found=found,
        gone=gone,
        scoring=current_scoring(conn, found.id) if found else None,
        filled=filled_before(conn, table.oid) if table.oid else {},
        source=source,
        source_table=source_table,
        deployments=there,
    )
