-- What people were told, so that each thing is told once, whatever is restarted.

-- Owner: landfall.alerts
-- `alerts`: what began to be wrong, and when. `sent_at`: when people were told; `ended_at`: since when it is no longer wrong;
-- `end_sent_at`: when they were told that. What `ends` not, such as a promotion, is never over.

CREATE TABLE landfall.alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    source text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    ends boolean NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    ended_at timestamptz,
    end_sent_at timestamptz
);
CREATE UNIQUE INDEX alerts_open ON landfall.alerts (kind, source, subject) WHERE ended_at IS NULL;
