-- Streams: what is wanted of each, how far each has read, and what each batch did. The tables with a stream's rows are in the
-- schema `streams`, which the first start of a stream makes.

-- Owner: landfall.streams
-- `streams`: one line a stream. `epoch` is raised by whoever begins to drive it; only the newest epoch can commit. `stream_places`:
-- the next offset of each partition, and the newest time that a row before it had. `stream_batches`: what each batch read and did.

CREATE TABLE landfall.streams (
    name text PRIMARY KEY,
    wanted text NOT NULL DEFAULT 'stopped' CHECK (wanted IN ('running', 'stopped')),
    wanted_by text NOT NULL DEFAULT '',
    epoch bigint NOT NULL DEFAULT 0,
    driver text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'stopped' CHECK (state IN ('starting', 'running', 'failing', 'stopped')),
    problem text NOT NULL DEFAULT '',
    refused text NOT NULL DEFAULT '',
    model_version text NOT NULL DEFAULT '',
    batch bigint NOT NULL DEFAULT 0,
    lag_rows bigint NOT NULL DEFAULT 0,
    lag_seconds double precision NOT NULL DEFAULT 0,
    started_at timestamptz,
    heartbeat timestamptz
);
CREATE TABLE landfall.stream_places (
    stream text NOT NULL REFERENCES landfall.streams (name),
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    newest_time timestamptz,
    PRIMARY KEY (stream, topic, partition)
);
CREATE TABLE landfall.stream_batches (
    stream text NOT NULL REFERENCES landfall.streams (name),
    batch bigint NOT NULL,
    epoch bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds double precision NOT NULL,
    rows bigint NOT NULL,
    late bigint NOT NULL,
    dead bigint NOT NULL,
    lost bigint NOT NULL,
    delay_seconds double precision,
    model_version text NOT NULL,
    ranges jsonb NOT NULL,
    PRIMARY KEY (stream, batch)
);
CREATE INDEX stream_batches_by_time ON landfall.stream_batches (stream, committed_at);
