"""The ledger's tables, in the predictions database beside the publications.

`landed_objects`: every version of every object that was seen, with the partition it belongs to. `readings`: what each run
read of its partition, numbered in the order in which the runs looked, what was said where nothing came of it, and why where
it was refused.
`late_landings`: the deadlines that passed before their partition had landed. `backfills`: those that the command line began.
`claims`: the newest start that an audit decided on, and how often in a row what was there was started again. `consumed`, a view:
the object versions that the rows readers see now were made of. It is computed from the published publications' fingerprints,
so a landing becomes consumed in the transaction that publishes it, and in no other.
"""

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one, run
from landfall.publishing.schema import ensure_history

_LEDGER = sql.SQL("""
CREATE TABLE IF NOT EXISTS landfall.landed_objects (
    bucket text NOT NULL,
    key text NOT NULL,
    etag text NOT NULL,
    last_modified timestamptz NOT NULL,
    size bigint NOT NULL,
    feed text NOT NULL,
    partition text,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    gone_at timestamptz,
    PRIMARY KEY (bucket, key, etag, last_modified)
);
CREATE INDEX IF NOT EXISTS landed_objects_by_partition ON landfall.landed_objects (feed, partition);
CREATE TABLE IF NOT EXISTS landfall.readings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed text NOT NULL,
    partition text NOT NULL,
    run_id text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    objects jsonb,
    rows bigint,
    quarantined bigint
);
ALTER TABLE landfall.readings ADD COLUMN IF NOT EXISTS said text, ADD COLUMN IF NOT EXISTS refused jsonb;
CREATE INDEX IF NOT EXISTS readings_by_partition ON landfall.readings (feed, partition, id DESC);
CREATE TABLE IF NOT EXISTS landfall.late_landings (
    feed text NOT NULL,
    partition text NOT NULL,
    due_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lacks text NOT NULL,
    PRIMARY KEY (feed, partition, due_at)
);
CREATE TABLE IF NOT EXISTS landfall.backfills (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    words text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS backfills_begun ON landfall.backfills (words) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS landfall.claims (
    feed text NOT NULL,
    partition text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (feed, partition)
);
ALTER TABLE landfall.claims ADD COLUMN IF NOT EXISTS restarts integer NOT NULL DEFAULT 0;
ALTER TABLE landfall.claims ADD COLUMN IF NOT EXISTS made_of text;
CREATE OR REPLACE VIEW landfall.consumed AS
SELECT o.bucket, o.key, o.etag, o.last_modified, o.feed, o.partition, p.id AS publication, p.published_at
FROM landfall.publications p
CROSS JOIN LATERAL jsonb_to_recordset(p.fingerprint -> 'objects') AS input(key text, etag text)
JOIN landfall.landed_objects o ON o.key = input.key AND o.etag = input.etag
WHERE p.state = 'published'""")

_READY = sql.SQL("""
SELECT to_regclass('landfall.consumed') IS NOT NULL AND EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = to_regclass('landfall.claims') AND attname = 'made_of')""")


def ensure_ledger(conn: Database) -> None:
    """Makes the ledger's tables if they are not there. Callers may race: one makes, the others find.

    Raises:
        PublishingError: the database refuses.
    """
    with explained(conn, "The ledger could not be made."), conn.transaction():
        if fetch_one(conn, _READY) == (True,):
            return
        fetch(conn, sql.SQL("SELECT pg_advisory_xact_lock(20121225)"))
        ensure_history(conn)
        run(conn, sql.SQL("SET LOCAL client_min_messages = warning"), _LEDGER)
