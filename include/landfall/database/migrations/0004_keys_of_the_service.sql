-- The keys with which applications ask the lookup service. Only a key's SHA-256 is kept.

-- Owner: landfall.serving
-- `api_keys`: every key that was made. `begins`: its first characters, by which people tell keys apart. `tables`: what it may read; `*`
-- stands for everything. `per_second`: how many requests it may make; null: as many as the service lets every key.

CREATE TABLE landfall.api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    begins text NOT NULL,
    sha256 text NOT NULL UNIQUE CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    tables text[] NOT NULL CHECK (cardinality(tables) > 0),
    per_second double precision CHECK (per_second > 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_role text NOT NULL DEFAULT session_user,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX api_keys_one_of_a_name ON landfall.api_keys (name) WHERE revoked_at IS NULL;
