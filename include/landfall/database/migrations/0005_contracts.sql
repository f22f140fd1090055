-- What a contract's version stands for. A publication and a refused reading name the version alone.

-- Owner: landfall.ledger
-- `contracts`: every version of a feed's contract that rows were judged by, with the text that the version is the digest of.

CREATE TABLE landfall.contracts (
    feed text NOT NULL,
    version text NOT NULL,
    contract text NOT NULL,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (feed, version)
);
