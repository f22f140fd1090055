-- Learners: what each knows, what was kept of it, and which rows of its source it has used. A learner is driven, stopped and fenced
-- as a stream is, so it has a line in `landfall.streams`, its offsets in `stream_places`, and its batches in `stream_batches`.

-- Owner: landfall.streams
-- `kind`: which program drives it.

ALTER TABLE landfall.streams ADD COLUMN kind text NOT NULL DEFAULT 'stream' CHECK (kind IN ('stream', 'learner'));

-- Owner: landfall.changes
-- `learners`: the present state of each, changed by each batch. Its numbers are `json`, which keeps every digit and sign as it was
-- written (`jsonb` has no -0). `positions`: the newest place of each topic in the log of the source database.
-- `learner_states`: states that were kept, to look at and to go back to. `learner_names`: every time that clusters got other labels.
-- `learner_alarms`: every time that the error was found to have risen, and every freeze. `learner_rows`: the rows of the source that
-- were used, by key, with a digest of the values. `learner_measures`: the measured error after each batch.

CREATE TABLE landfall.learners (
    name text PRIMARY KEY REFERENCES landfall.streams (name),
    declared text NOT NULL,
    state json NOT NULL,
    positions json NOT NULL,
    number bigint NOT NULL,
    rows bigint NOT NULL,
    frozen text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE landfall.learner_states (
    learner text NOT NULL REFERENCES landfall.learners (name),
    number bigint NOT NULL,
    rows bigint NOT NULL,
    state json NOT NULL,
    error double precision,
    window_error double precision,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (learner, number)
);
CREATE TABLE landfall.learner_names (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learner text NOT NULL REFERENCES landfall.learners (name),
    number bigint NOT NULL,
    names json NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE landfall.learner_alarms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learner text NOT NULL REFERENCES landfall.learners (name),
    number bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('drift', 'frozen', 'thawed', 'reset', 'restored')),
    reason text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE landfall.learner_rows (
    learner text NOT NULL REFERENCES landfall.learners (name),
    topic text NOT NULL,
    key text NOT NULL,
    digest text NOT NULL,
    PRIMARY KEY (learner, topic, key)
);
CREATE TABLE landfall.learner_measures (
    learner text NOT NULL REFERENCES landfall.learners (name),
    batch bigint NOT NULL,
    number bigint NOT NULL,
    rows bigint NOT NULL,
    measured bigint NOT NULL,
    error double precision,
    window_error double precision,
    counts json NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (learner, batch)
);
