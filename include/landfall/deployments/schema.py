"""The tables of this room in the predictions database, and the schema of the functions that score.

`landfall.deployments` has a row for each deployment of a model to a table, present or past. `landfall.deployed_versions` says
which version scored the table's rows from when to when, and keeps its SQL. The functions are in the schema `landfall_models`.
Only their owner may use that schema: a role that inserts a row needs no right to a trigger's function.
"""

from psycopg import sql

from landfall.database import Database, fetch

FUNCTIONS = "landfall_models"
_ALONE = sql.SQL("SELECT pg_advisory_xact_lock(20121226)")


def stand_alone(conn: Database) -> None:
    """Keeps everybody else from changing a deployment until the transaction ends: two at once could make a circle of chains."""
    fetch(conn, _ALONE)
