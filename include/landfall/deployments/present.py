"""All that a plan must know about the database, read at once. No query follows, so a plan is made from values alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from landfall.database import Database
from landfall.deployments.history import Deployed, current_scoring, deployments, filled_before, named, take_number
from landfall.deployments.request import Request
from landfall.deployments.scoring import Scoring
from landfall.deployments.table import Table, declared_table, find_table


@dataclass(frozen=True, kw_only=True)
class Present:
    """What the database has now.

    Args:
        number: The number of the table's deployment, or a new number if it has none. The statements name its functions by it.
        table: The table. If it is to be made: as the request declares it, with the oid 0.
        found: The table's deployment; None if it has none.
        gone: The deployment of a table of the same name that was dropped; None if there is none.
        scoring: The compiled version that scores the table now; None if none does.
        filled: Column -> type, for each column that any deployment to this table has ever filled.
        source: The deployment that is to feed the table, or that feeds it now; None if there is neither.
        source_table: The table of `source`; None if it was dropped.
        deployments: All present deployments.
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
    """Reads what a request's plan must know, in the transaction that will carry the plan out.

    Raises:
        DeploymentError: the table or the deployment that is to feed it does not exist, is no table, or belongs to another role;
            or a column of the new table has a type that PostgreSQL does not know.
    """
    known = tuple(deployments(conn))
    noted = next((deployment for deployment in known if deployment.table == request.table), None)
    current, gone = (None, noted) if noted and noted.gone else (noted, None)
    source_name = request.after.table if request.after else current.fed_by if current else None
    source = named(known, source_name) if source_name else None
    source_table = find_table(conn, source_name) if source_name else None
    table = find_table(conn, request.table) or declared_table(conn, request)
    return Present(
        number=current.id if current else take_number(conn),
        table=table,
        found=current,
        gone=gone,
        scoring=current_scoring(conn, current.id) if current else None,
        filled=filled_before(conn, table.oid) if table.oid else {},
        source=source,
        source_table=source_table,
        deployments=known,
    )
