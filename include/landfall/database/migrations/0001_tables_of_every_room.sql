-- The tables of every room, as they were before migrations had numbers.
-- A database that an earlier version has made, table by table as it needed them, has some of this already: each statement leaves
-- what is there as it is, and adds what that version did not have.

-- publications_data: one standalone table a publication. landfall_models: functions that score; nobody but their owner may use it.
CREATE SCHEMA IF NOT EXISTS publications_data;
CREATE SCHEMA IF NOT EXISTS landfall_models;

-- Owner: landfall.publishing
-- `publications`: every attempt to publish a partition, with what it was made of. `staged_parts`: what each Spark task wrote of one.

CREATE TABLE IF NOT EXISTS landfall.publications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    partition date NOT NULL,
    state text NOT NULL CHECK (state IN ('staging', 'published', 'superseded', 'rolled_back', 'abandoned')),
    rows bigint,
    run_id text NOT NULL,
    model_version text NOT NULL,
    fingerprint jsonb NOT NULL,
    fingerprint_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    restored_at timestamptz,
    child_table text
);
ALTER TABLE landfall.publications ADD COLUMN IF NOT EXISTS reading_id bigint;
CREATE UNIQUE INDEX IF NOT EXISTS publications_one_published
    ON landfall.publications (table_name, partition) WHERE state = 'published';
CREATE INDEX IF NOT EXISTS publications_by_table ON landfall.publications (table_name, id);
CREATE TABLE IF NOT EXISTS landfall.staged_parts (
    publication_id bigint NOT NULL REFERENCES landfall.publications (id),
    spark_partition integer NOT NULL,
    rows bigint NOT NULL CHECK (rows >= 0),
    PRIMARY KEY (publication_id, spark_partition)
);
CREATE INDEX IF NOT EXISTS publications_by_reading ON landfall.publications (reading_id);

-- Owner: landfall.ledger
-- `landed_objects`: every version of every object that a listing has seen. `readings`: what each run read of its partition, numbered
-- in the order in which the runs looked; `said`: why nothing came of it; `refused`: why it failed by itself. `late_landings`: the
-- deadlines that passed first. `backfills`: those that the command line began. `claims`: the newest start that an audit decided on,
-- and how often in a row what was there was started again.

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

-- Owner: landfall.freshness
-- `promotions`: every change of a champion; `promotions_begun`: the one that is under way, if any. `other_aliases`: what MLflow calls
-- a champion that Landfall did not promote. `retraining_decisions`: every look at whether to train, with its figures. `drift`: how far
-- the newest values of a feature are from those a version learnt from. `partition_errors`: how far off what it had published was.

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
);

-- Owner: landfall.models
-- `own_versions`: the versions that this project made itself, with the digest of their pickles.

CREATE TABLE IF NOT EXISTS landfall.own_versions (
    model text NOT NULL,
    version text NOT NULL,
    run_id text NOT NULL,
    source text NOT NULL,
    library text NOT NULL,
    sha256 text NOT NULL,
    judged_sha256 text NOT NULL,
    how text NOT NULL,
    by_run text NOT NULL,
    by_role text NOT NULL DEFAULT session_user,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, version)
);

-- Owner: landfall.deployments
-- `deployments`: a row for each table that a model is, or was, deployed to. `deployed_versions`: which version scored its rows from
-- when to when, with its SQL.

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
    ON landfall.deployed_versions (deployment_id) WHERE until IS NULL;

-- Owner: landfall.ledger
-- Views that anybody may read. `consumed`: the object versions that the rows readers see now were made of. It is computed from the
-- fingerprints of what is published, so a landing is consumed in the transaction that publishes it, and in no other. `freshness`:
-- the newest partition that readers of each table see, and how long after its objects had landed they saw it first.

CREATE OR REPLACE VIEW landfall.consumed AS
SELECT o.bucket, o.key, o.etag, o.last_modified, o.feed, o.partition, p.id AS publication, p.published_at
FROM landfall.publications p
CROSS JOIN LATERAL jsonb_to_recordset(p.fingerprint -> 'objects') AS input(key text, etag text)
JOIN landfall.landed_objects o ON o.key = input.key AND o.etag = input.etag
WHERE p.state = 'published';
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
FROM newest n LEFT JOIN landed l USING (id);
