"""The tables of this room, in the predictions database: who served when and why, why it was trained, how it fares.

`promotions`: every change of a champion; `promotions_begun`: the one that is under way, if any. `other_aliases`: what MLflow
calls a champion that Landfall did not promote. `retraining_decisions`:
every look at whether to train, with its figures. `partition_errors`: how far off what a version had published for a
partition was. `drift`: how far the newest values of a feature are from those a version learnt from. `freshness`, a view:
the newest partition that readers of each table see, and how long after its objects had landed they saw it first.
"""

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one, run

_TABLES = sql.SQL("""
CREATE SCHEMA IF NOT EXISTS landfall;
CREATE TABLE IF NOT EXISTS landfall.promotions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    version text,
    replaced text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CHECK (kind IN ('promoted', 'rolled back', 'noticed')),
    reason text NOT NULL,
    by_run text NOT NULL,
    report jsonb
);
CREATE INDEX IF NOT EXISTS promotions_by_model ON landfall.promotions (model, id DESC);
CREATE TABLE IF NOT EXISTS landfall.promotions_begun (
    model text PRIMARY KEY,
    version text NOT NULL,
    replaced text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    reason text NOT NULL,
    by_run text NOT NULL,
    report jsonb
);
CREATE TABLE IF NOT EXISTS landfall.other_aliases (
    model text PRIMARY KEY,
    version text,
    serving text,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS landfall.retraining_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    run_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    champion text,
    fired jsonb NOT NULL,
    figures jsonb NOT NULL,
    UNIQUE (model, run_id)
);
CREATE TABLE IF NOT EXISTS landfall.drift (
    model text NOT NULL,
    version text NOT NULL,
    window_first date NOT NULL,
    window_last date NOT NULL,
    feature text NOT NULL,
    statistic text NOT NULL,
    value double precision NOT NULL,
    above double precision,
    rows bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, version, window_last, feature, statistic)
);
CREATE TABLE IF NOT EXISTS landfall.partition_errors (
    model text NOT NULL,
    version text NOT NULL,
    partition date NOT NULL,
    rows bigint NOT NULL,
    rmse double precision NOT NULL,
    mae double precision NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, version, partition)
)""")
_VIEW = sql.SQL("""
CREATE OR REPLACE VIEW landfall.freshness AS
WITH newest AS (
    SELECT DISTINCT ON (table_name) id, table_name, partition, rows, model_version, published_at, fingerprint
    FROM landfall.publications WHERE state = 'published' ORDER BY table_name, partition DESC
), landed AS (
    SELECT n.id, min(o.feed) AS feed, max(o.landed_at) AS landed_at
    FROM newest n
    CROSS JOIN LATERAL jsonb_to_recordset(n.fingerprint -> 'objects') AS input(key text, etag text)
    CROSS JOIN LATERAL (
        SELECT min(feed) AS feed, min(last_modified) AS landed_at
        FROM landfall.landed_objects WHERE key = input.key AND etag = input.etag
    ) o
    GROUP BY n.id
)
SELECT l.feed, n.table_name, n.partition, n.id AS publication, n.rows, n.model_version, n.published_at, l.landed_at,
       (SELECT min(p.published_at) FROM landfall.publications p
        WHERE p.table_name = n.table_name AND p.partition = n.partition
          AND p.fingerprint -> 'objects' = n.fingerprint -> 'objects') - l.landed_at AS landing_delay
FROM newest n LEFT JOIN landed l USING (id)""")
_READY = sql.SQL("""
SELECT to_regclass('landfall.partition_errors') IS NOT NULL AND to_regclass('landfall.other_aliases') IS NOT NULL,
       to_regclass('landfall.freshness') IS NOT NULL,
       to_regclass('landfall.landed_objects') IS NOT NULL""")


def ensure_freshness(conn: Database) -> None:
    """Makes what is not there yet. Callers may race: one makes, the others find.

    The view is made as soon as there is a ledger for it to read; the tables need none.

    Raises:
        PublishingError: the database refuses.
    """
    with explained(conn, "The tables of freshness could not be made."):
        tables, view, ledger = fetch_one(conn, _READY) or (False, False, False)
        if tables and (view or not ledger):
            return
        with conn.transaction():
            fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
            run(conn, sql.SQL("SET LOCAL client_min_messages = warning"), _TABLES, *([_VIEW] if ledger else []))
