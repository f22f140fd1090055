-- A partition is a day or an hour. Its name is text in every table, as it always was in the ledger: 2012-12-25 or 2012-12-25T07.
-- Names sort as the partitions do. The view that orders publications by partition is made again, with the same columns.

-- Owner: landfall.ledger

DROP VIEW landfall.freshness;
ALTER TABLE landfall.publications ALTER COLUMN partition TYPE text COLLATE "C" USING to_char(partition, 'YYYY-MM-DD');
ALTER TABLE landfall.partition_errors ALTER COLUMN partition TYPE text COLLATE "C" USING to_char(partition, 'YYYY-MM-DD');
ALTER TABLE landfall.drift
    ALTER COLUMN window_first TYPE text COLLATE "C" USING to_char(window_first, 'YYYY-MM-DD'),
    ALTER COLUMN window_last TYPE text COLLATE "C" USING to_char(window_last, 'YYYY-MM-DD');
CREATE VIEW landfall.freshness AS
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
