"""The tables of this room, in the predictions database, and the schema of the functions that score.

`landfall.deployments`: a row for each table that a model is, or was, deployed to. `landfall.deployed_versions`: which
version scored its rows from when to when, with its SQL. Functions are in `landfall_models`; nobody but their owner may
use that schema, and a trigger's function needs no right of the role that inserts a row.
"""

from psycopg import sql

from landfall.database import Database, fetch, fetch_one

FUNCTIONS = "landfall_models"
_NEWEST = sql.SQL("SELECT to_regclass('landfall.deployed_versions_one_at_a_time') IS NOT NULL")
_ALONE = sql.SQL("SELECT pg_advisory_xact_lock(20121226)")


def is_there(conn: Database) -> bool:
    """Whether anything was ever deployed in this database."""
    return fetch_one(conn, _NEWEST) == (True,)


def stand_alone(conn: Database) -> None:
    """Until the end of the transaction nobody else changes a deployment: two at once could make a circle of chains."""
    fetch(conn, _ALONE)
