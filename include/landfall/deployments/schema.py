"""The tables of this room in the predictions database, and the schema of the functions that score.

`landfall.deployments` has a row for each deployment of a model to a table, present or past. `landfall.deployed_versions` says
which version scored the table's rows from when to when, and keeps its SQL. The functions are in the schema `landfall_models`.
Only their owner may use that schema: a role that inserts a row needs no right to a trigger's function.
"""

from psycopg import sql

from landfall.database import Database, fetch, fetch_one

FUNCTIONS = "landfall_models"
_NEWEST = sql.SQL("SELECT to_regclass('landfall.deployed_versions_one_at_a_time') IS NOT NULL")
_ALONE = sql.SQL("SELECT pg_advisory_xact_lock(20121226)")


def is_there(conn: Database) -> bool:
    """True if this database has the tables of this room, with their newest index. Without them nothing was ever deployed."""
    return fetch_one(conn, _NEWEST) == (True,)


def stand_alone(conn: Database) -> None:
    """Keeps everybody else from changing a deployment until the transaction ends: two at once could make a circle of chains."""
    fetch(conn, _ALONE)
