-- What the lookup service has to know of streams and of deployments, as views: its role reads these and not the tables behind them,
-- which also hold the SQL of models, the names of machines and the words of failures.

-- Owner: landfall.streams
-- `stream_standings`: a line for each partition that a stream reads, and one line for a stream that has read nothing yet.

CREATE VIEW landfall.stream_standings AS
SELECT s.name AS stream, s.state, s.heartbeat, s.model_version, s.lag_rows, s.lag_seconds,
       p.topic, p.partition, p.next_offset, p.newest_time
FROM landfall.streams s LEFT JOIN landfall.stream_places p ON p.stream = s.name;

-- Owner: landfall.deployments
-- `deployed_tables`: the tables that a model is deployed to now, and the version that scores their rows.

CREATE VIEW landfall.deployed_tables AS
SELECT d.table_oid, d.model, v.version, v.since
FROM landfall.deployments d JOIN landfall.deployed_versions v ON v.deployment_id = d.id AND v.until IS NULL
WHERE d.until IS NULL;
