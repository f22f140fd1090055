"""The tables of this room, in the predictions database, and the schema of the functions that score.

`landfall.deployments`: a row for each table that a model is, or was, deployed to. `landfall.deployed_versions`: which
version scored its rows from when to when, with its SQL. Functions are in `landfall_models`; nobody but their owner may
use that schema, and a trigger's function needs no right of the role that inserts a row.
"""

from psycopg import sql

from landfall.database import Database, fetch, fetch_one, run

FUNCTIONS = "landfall_models"
_TABLES = sql.SQL("""
CREATE SCHEMA IF NOT EXISTS landfall;
CREATE SCHEMA IF NOT EXISTS landfall_models;
CREATE TABLE IF NOT EXISTS landfall.deployments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_oid oid NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    model text NOT NULL,
    filled json NOT NULL,
    watched json NOT NULL,
    unscorable text NOT NULL,
    classes json NOT NULL,
    fed_by bigint REFERENCES landfall.deployments (id),
    feeds json,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS deployments_one_a_table ON landfall.deployments (table_oid) WHERE until IS NULL;
CREATE TABLE IF NOT EXISTS landfall.deployed_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment_id bigint NOT NULL REFERENCES landfall.deployments (id),
    version text NOT NULL,
    run_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deployed', 'redeployed', 'rolled back')),
    by_role text NOT NULL DEFAULT session_user,
    for_a_row text NOT NULL,
    trees integer NOT NULL,
    splits integer NOT NULL,
    scoring text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    until timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS deployed_versions_one_at_a_time
    ON landfall.deployed_versions (deployment_id) WHERE until IS NULL""")
_NEWEST = sql.SQL("SELECT to_regclass('landfall.deployed_versions_one_at_a_time') IS NOT NULL")
_ALONE = sql.SQL("SELECT pg_advisory_xact_lock(20121226)")


def is_there(conn: Database) -> bool:
    """Whether anything was ever deployed in this database."""
    return fetch_one(conn, _NEWEST) == (True,)


def ensure_schema(conn: Database) -> None:
    """Makes tables and schemas if they are not there. Callers may race: one makes, the others find."""
    if is_there(conn):
        return
    with conn.transaction():
        stand_alone(conn)
        run(conn, sql.SQL("SET LOCAL client_min_messages = warning"), _TABLES)


def stand_alone(conn: Database) -> None:
    """Until the end of the transaction nobody else changes a deployment: two at once could make a circle of chains."""
    fetch(conn, _ALONE)
