-- A database as Landfall at revision a1fcc6a (30 November 2026) left it: its own functions made the tables, staged, published and rolled back
-- two days of bike_demand, noted what landed and was read, and deployed a model twice. Made with its own code on PostgreSQL 18 by
--   pg_dump --no-owner --no-privileges --inserts      without comments and without psql's own commands
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA landfall;
CREATE SCHEMA landfall_models;
CREATE SCHEMA predictions;
CREATE SCHEMA publications_data;
CREATE FUNCTION landfall_models.score_1() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$DECLARE
  b0 pg_catalog.float8;
  b1 pg_catalog.bool;
  b2 pg_catalog.float8;
  b5 pg_catalog.text;
  b3 pg_catalog.float8;
  b4 pg_catalog.float8;
  v0 pg_catalog.float8;
  v1 pg_catalog.float8;
BEGIN
  IF NEW."x"::pg_catalog.float8 BETWEEN '-1e+304'::pg_catalog.float8 AND '1e+304'::pg_catalog.float8 THEN
  v0 := (NEW."x"::pg_catalog.float8 * '1.0'::pg_catalog.float8);
  v1 := v0 + '0.5'::pg_catalog.float8;
  NEW."prediction" := v1;
  NEW."prediction_reason" := NULL;
  NEW."model_version" := '2';
  RETURN NEW;
  END IF;
  b0 := coalesce(NEW."x"::pg_catalog.float8, 'NaN'::pg_catalog.float8);
  b1 := NEW."x" IS NULL;
  b2 := CASE WHEN b0 BETWEEN -'1e+304'::pg_catalog.float8 AND '1e+304'::pg_catalog.float8 THEN b0 ELSE 'NaN'::pg_catalog.float8 END;
  b5 := CASE WHEN b1 AND b0 = 'NaN'::pg_catalog.float8 THEN 'x is null' WHEN b0 = 'NaN'::pg_catalog.float8 THEN 'x is NaN' WHEN b0 NOT BETWEEN -'1e+304'::pg_catalog.float8 AND '1e+304'::pg_catalog.float8 AND b0 <> 'NaN'::pg_catalog.float8 THEN 'x is beyond 1e+304' END;
  b3 := (b2 * '1.0'::pg_catalog.float8);
  b4 := b3 + '0.5'::pg_catalog.float8;
  IF b5 IS NULL THEN
  NEW."prediction" := b4;
  NEW."prediction_reason" := NULL;
  ELSE
  NEW."prediction" := NULL;
  NEW."prediction_reason" := b5;
  END IF;
  NEW."model_version" := '2';
  RETURN NEW;
END$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE landfall.backfills (
    id bigint NOT NULL,
    words text NOT NULL,
    began_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone
);
ALTER TABLE landfall.backfills ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.backfills_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE landfall.claims (
    feed text NOT NULL,
    partition text NOT NULL,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    restarts integer DEFAULT 0 NOT NULL,
    made_of text
);
CREATE TABLE landfall.landed_objects (
    bucket text NOT NULL,
    key text NOT NULL,
    etag text NOT NULL,
    last_modified timestamp with time zone NOT NULL,
    size bigint NOT NULL,
    feed text NOT NULL,
    partition text,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    gone_at timestamp with time zone
);
CREATE TABLE landfall.publications (
    id bigint NOT NULL,
    table_name text NOT NULL,
    partition date NOT NULL,
    state text NOT NULL,
    rows bigint,
    run_id text NOT NULL,
    model_version text NOT NULL,
    fingerprint jsonb NOT NULL,
    fingerprint_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    published_at timestamp with time zone,
    restored_at timestamp with time zone,
    child_table text,
    reading_id bigint,
    CONSTRAINT publications_state_check CHECK ((state = ANY (ARRAY['staging'::text, 'published'::text, 'superseded'::text, 'rolled_back'::text, 'abandoned'::text])))
);
CREATE VIEW landfall.consumed AS
 SELECT o.bucket,
    o.key,
    o.etag,
    o.last_modified,
    o.feed,
    o.partition,
    p.id AS publication,
    p.published_at
   FROM ((landfall.publications p
     CROSS JOIN LATERAL jsonb_to_recordset((p.fingerprint -> 'objects'::text)) input(key text, etag text))
     JOIN landfall.landed_objects o ON (((o.key = input.key) AND (o.etag = input.etag))))
  WHERE (p.state = 'published'::text);
CREATE TABLE landfall.deployed_versions (
    id bigint NOT NULL,
    deployment_id bigint NOT NULL,
    version text NOT NULL,
    run_id text NOT NULL,
    kind text NOT NULL,
    by_role text DEFAULT SESSION_USER NOT NULL,
    for_a_row text NOT NULL,
    trees integer NOT NULL,
    splits integer NOT NULL,
    scoring text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    until timestamp with time zone,
    CONSTRAINT deployed_versions_kind_check CHECK ((kind = ANY (ARRAY['deployed'::text, 'redeployed'::text, 'rolled back'::text])))
);
ALTER TABLE landfall.deployed_versions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.deployed_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE landfall.deployments (
    id bigint NOT NULL,
    table_oid oid NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    model text NOT NULL,
    filled json NOT NULL,
    watched json NOT NULL,
    unscorable text NOT NULL,
    classes json NOT NULL,
    fed_by bigint,
    feeds json,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    until timestamp with time zone
);
ALTER TABLE landfall.deployments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.deployments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE landfall.drift (
    model text NOT NULL,
    version text NOT NULL,
    window_first date NOT NULL,
    window_last date NOT NULL,
    feature text NOT NULL,
    statistic text NOT NULL,
    value double precision NOT NULL,
    above double precision,
    rows bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE VIEW landfall.freshness AS
 WITH newest AS (
         SELECT DISTINCT ON (publications.table_name) publications.id,
            publications.table_name,
            publications.partition,
            publications.rows,
            publications.model_version,
            publications.published_at,
            publications.fingerprint
           FROM landfall.publications
          WHERE (publications.state = 'published'::text)
          ORDER BY publications.table_name, publications.partition DESC
        ), landed AS (
         SELECT n_1.id,
            min(o.feed) AS feed,
            max(o.landed_at) AS landed_at
           FROM ((newest n_1
             CROSS JOIN LATERAL jsonb_to_recordset((n_1.fingerprint -> 'objects'::text)) input(key text, etag text))
             CROSS JOIN LATERAL ( SELECT min(landed_objects.feed) AS feed,
                    min(landed_objects.last_modified) AS landed_at
                   FROM landfall.landed_objects
                  WHERE ((landed_objects.key = input.key) AND (landed_objects.etag = input.etag))) o)
          GROUP BY n_1.id
        )
 SELECT l.feed,
    n.table_name,
    n.partition,
    n.id AS publication,
    n.rows,
    n.model_version,
    n.published_at,
    l.landed_at,
    (( SELECT min(p.published_at) AS min
           FROM landfall.publications p
          WHERE ((p.table_name = n.table_name) AND (p.partition = n.partition) AND ((p.fingerprint -> 'objects'::text) = (n.fingerprint -> 'objects'::text)))) - l.landed_at) AS landing_delay
   FROM (newest n
     LEFT JOIN landed l USING (id));
CREATE TABLE landfall.late_landings (
    feed text NOT NULL,
    partition text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    noted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lacks text NOT NULL
);
CREATE TABLE landfall.other_aliases (
    model text NOT NULL,
    version text,
    serving text,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE landfall.own_versions (
    model text NOT NULL,
    version text NOT NULL,
    run_id text NOT NULL,
    source text NOT NULL,
    library text NOT NULL,
    sha256 text NOT NULL,
    judged_sha256 text NOT NULL,
    how text NOT NULL,
    by_run text NOT NULL,
    by_role text DEFAULT SESSION_USER NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE landfall.partition_errors (
    model text NOT NULL,
    version text NOT NULL,
    partition date NOT NULL,
    rows bigint NOT NULL,
    rmse double precision NOT NULL,
    mae double precision NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE landfall.promotions (
    id bigint NOT NULL,
    model text NOT NULL,
    version text,
    replaced text,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    by_run text NOT NULL,
    report jsonb,
    CONSTRAINT promotions_kind_check CHECK ((kind = ANY (ARRAY['promoted'::text, 'rolled back'::text, 'noticed'::text])))
);
CREATE TABLE landfall.promotions_begun (
    model text NOT NULL,
    version text NOT NULL,
    replaced text,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    by_run text NOT NULL,
    report jsonb
);
ALTER TABLE landfall.promotions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.promotions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE landfall.publications ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.publications_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE landfall.readings (
    id bigint NOT NULL,
    feed text NOT NULL,
    partition text NOT NULL,
    run_id text NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    objects jsonb,
    rows bigint,
    quarantined bigint,
    said text,
    refused jsonb
);
ALTER TABLE landfall.readings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.readings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE landfall.retraining_decisions (
    id bigint NOT NULL,
    model text NOT NULL,
    run_id text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    champion text,
    fired jsonb NOT NULL,
    figures jsonb NOT NULL
);
ALTER TABLE landfall.retraining_decisions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME landfall.retraining_decisions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE landfall.staged_parts (
    publication_id bigint NOT NULL,
    spark_partition integer NOT NULL,
    rows bigint NOT NULL,
    CONSTRAINT staged_parts_rows_check CHECK ((rows >= 0))
);
CREATE TABLE predictions.bike_demand (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    model_version text NOT NULL,
    partition date NOT NULL,
    published_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE ("time");
CREATE TABLE predictions.bike_demand_errors (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    actual double precision,
    error double precision,
    model_version text NOT NULL,
    partition date NOT NULL,
    published_at timestamp with time zone NOT NULL
)
PARTITION BY RANGE ("time");
CREATE TABLE public.houses (
    id bigint NOT NULL,
    x double precision,
    prediction double precision,
    prediction_reason text,
    model_version text
);
CREATE TABLE publications_data.bike_demand_20121224_4 (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    model_version text DEFAULT '1'::text NOT NULL,
    partition date DEFAULT '2012-12-24'::date NOT NULL,
    published_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT within_partition CHECK ((("time" >= '2012-12-24 00:00:00+00'::timestamp with time zone) AND ("time" < '2012-12-25 00:00:00+00'::timestamp with time zone) AND (partition = '2012-12-24'::date)))
);
CREATE TABLE publications_data.bike_demand_20121225_5 (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    model_version text DEFAULT '1'::text NOT NULL,
    partition date DEFAULT '2012-12-25'::date NOT NULL,
    published_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT within_partition CHECK ((("time" >= '2012-12-25 00:00:00+00'::timestamp with time zone) AND ("time" < '2012-12-26 00:00:00+00'::timestamp with time zone) AND (partition = '2012-12-25'::date)))
);
CREATE TABLE publications_data.bike_demand_20121225_6 (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    model_version text DEFAULT '2'::text NOT NULL,
    partition date DEFAULT '2012-12-25'::date NOT NULL,
    published_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT within_partition CHECK ((("time" >= '2012-12-25 00:00:00+00'::timestamp with time zone) AND ("time" < '2012-12-26 00:00:00+00'::timestamp with time zone) AND (partition = '2012-12-25'::date)))
);
CREATE TABLE publications_data.bike_demand_errors_20121224_1 (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    actual double precision,
    error double precision,
    model_version text DEFAULT '1'::text NOT NULL,
    partition date DEFAULT '2012-12-24'::date NOT NULL,
    published_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT within_partition CHECK ((("time" >= '2012-12-24 00:00:00+00'::timestamp with time zone) AND ("time" < '2012-12-25 00:00:00+00'::timestamp with time zone) AND (partition = '2012-12-24'::date)))
);
CREATE TABLE publications_data.bike_demand_errors_20121225_2 (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    actual double precision,
    error double precision,
    model_version text DEFAULT '1'::text NOT NULL,
    partition date DEFAULT '2012-12-25'::date NOT NULL,
    published_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT within_partition CHECK ((("time" >= '2012-12-25 00:00:00+00'::timestamp with time zone) AND ("time" < '2012-12-26 00:00:00+00'::timestamp with time zone) AND (partition = '2012-12-25'::date)))
);
CREATE TABLE publications_data.bike_demand_errors_20121225_3 (
    city text NOT NULL,
    state text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    predicted double precision,
    actual double precision,
    error double precision,
    model_version text DEFAULT '2'::text NOT NULL,
    partition date DEFAULT '2012-12-25'::date NOT NULL,
    published_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT within_partition CHECK ((("time" >= '2012-12-25 00:00:00+00'::timestamp with time zone) AND ("time" < '2012-12-26 00:00:00+00'::timestamp with time zone) AND (partition = '2012-12-25'::date)))
);
ALTER TABLE ONLY predictions.bike_demand ATTACH PARTITION publications_data.bike_demand_20121224_4 FOR VALUES FROM ('2012-12-24 00:00:00+00') TO ('2012-12-25 00:00:00+00');
ALTER TABLE ONLY predictions.bike_demand ATTACH PARTITION publications_data.bike_demand_20121225_5 FOR VALUES FROM ('2012-12-25 00:00:00+00') TO ('2012-12-26 00:00:00+00');
ALTER TABLE ONLY predictions.bike_demand_errors ATTACH PARTITION publications_data.bike_demand_errors_20121224_1 FOR VALUES FROM ('2012-12-24 00:00:00+00') TO ('2012-12-25 00:00:00+00');
ALTER TABLE ONLY predictions.bike_demand_errors ATTACH PARTITION publications_data.bike_demand_errors_20121225_3 FOR VALUES FROM ('2012-12-25 00:00:00+00') TO ('2012-12-26 00:00:00+00');
INSERT INTO landfall.backfills OVERRIDING SYSTEM VALUE VALUES (1, 'bike_demand/forecast 2012-12-24..2012-12-26', '2026-11-30 13:05:56.166066+00', NULL);
INSERT INTO landfall.claims VALUES ('bike_demand/actuals', '2012-12-26', '2026-11-30 13:05:56.057372+00', 0, '');
INSERT INTO landfall.claims VALUES ('bike_demand/forecast', '2012-12-26', '2026-11-30 13:05:56.145069+00', 0, '');
INSERT INTO landfall.deployed_versions OVERRIDING SYSTEM VALUE VALUES (1, 1, '1', '', 'deployed', 'postgres', 'expressions', 0, 0, '{"version": "1", "run_id": "", "inputs": {"x": "number"}, "probabilities": [], "logic": {"declarations": ["  b0 pg_catalog.float8;", "  b1 pg_catalog.bool;", "  b2 pg_catalog.float8;", "  b5 pg_catalog.text;", "  b3 pg_catalog.float8;", "  b4 pg_catalog.float8;"], "statements": ["  b0 := coalesce(NEW.\"x\"::pg_catalog.float8, ''NaN''::pg_catalog.float8);", "  b1 := NEW.\"x\" IS NULL;", "  b2 := CASE WHEN b0 BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 THEN b0 ELSE ''NaN''::pg_catalog.float8 END;", "  b5 := CASE WHEN b1 AND b0 = ''NaN''::pg_catalog.float8 THEN ''x is null'' WHEN b0 = ''NaN''::pg_catalog.float8 THEN ''x is NaN'' WHEN b0 NOT BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 AND b0 <> ''NaN''::pg_catalog.float8 THEN ''x is beyond 1e+304'' END;", "  b3 := (b2 * ''1.0''::pg_catalog.float8);", "  b4 := b3 + ''0.5''::pg_catalog.float8;"], "prediction": "b4", "probabilities": [], "reason": "b5", "way": "expressions", "shortcut": {"condition": "NEW.\"x\"::pg_catalog.float8 BETWEEN ''-1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8", "declarations": ["  v0 pg_catalog.float8;", "  v1 pg_catalog.float8;"], "statements": ["  v0 := (NEW.\"x\"::pg_catalog.float8 * ''1.0''::pg_catalog.float8);", "  v1 := v0 + ''0.5''::pg_catalog.float8;"], "prediction": "v1", "probabilities": []}}, "query": "SELECT k0 AS \"landfall row\", CASE WHEN b5 IS NULL THEN b4 END AS \"prediction\", b5 AS \"reason\" FROM (SELECT k0, b5, b3 + ''0.5''::pg_catalog.float8 AS b4 FROM (SELECT k0, b5, (b2 * ''1.0''::pg_catalog.float8) AS b3 FROM (SELECT k0, CASE WHEN b0 BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 THEN b0 ELSE ''NaN''::pg_catalog.float8 END AS b2, CASE WHEN b1 AND b0 = ''NaN''::pg_catalog.float8 THEN ''x is null'' WHEN b0 = ''NaN''::pg_catalog.float8 THEN ''x is NaN'' WHEN b0 NOT BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 AND b0 <> ''NaN''::pg_catalog.float8 THEN ''x is beyond 1e+304'' END AS b5 FROM (SELECT \"landfall row\" AS k0, coalesce(\"x\"::pg_catalog.float8, ''NaN''::pg_catalog.float8) AS b0, \"x\" IS NULL AS b1 FROM \"landfall batch\" OFFSET 0) AS l0 OFFSET 0) AS l1 OFFSET 0) AS l2 OFFSET 0) AS l3", "splits": 0, "trees": 0, "unscorable": "null"}', '2026-11-30 13:05:56.196748+00', '2026-11-30 13:05:56.205969+00');
INSERT INTO landfall.deployed_versions OVERRIDING SYSTEM VALUE VALUES (2, 1, '2', '', 'redeployed', 'postgres', 'expressions', 0, 0, '{"version": "2", "run_id": "", "inputs": {"x": "number"}, "probabilities": [], "logic": {"declarations": ["  b0 pg_catalog.float8;", "  b1 pg_catalog.bool;", "  b2 pg_catalog.float8;", "  b5 pg_catalog.text;", "  b3 pg_catalog.float8;", "  b4 pg_catalog.float8;"], "statements": ["  b0 := coalesce(NEW.\"x\"::pg_catalog.float8, ''NaN''::pg_catalog.float8);", "  b1 := NEW.\"x\" IS NULL;", "  b2 := CASE WHEN b0 BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 THEN b0 ELSE ''NaN''::pg_catalog.float8 END;", "  b5 := CASE WHEN b1 AND b0 = ''NaN''::pg_catalog.float8 THEN ''x is null'' WHEN b0 = ''NaN''::pg_catalog.float8 THEN ''x is NaN'' WHEN b0 NOT BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 AND b0 <> ''NaN''::pg_catalog.float8 THEN ''x is beyond 1e+304'' END;", "  b3 := (b2 * ''1.0''::pg_catalog.float8);", "  b4 := b3 + ''0.5''::pg_catalog.float8;"], "prediction": "b4", "probabilities": [], "reason": "b5", "way": "expressions", "shortcut": {"condition": "NEW.\"x\"::pg_catalog.float8 BETWEEN ''-1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8", "declarations": ["  v0 pg_catalog.float8;", "  v1 pg_catalog.float8;"], "statements": ["  v0 := (NEW.\"x\"::pg_catalog.float8 * ''1.0''::pg_catalog.float8);", "  v1 := v0 + ''0.5''::pg_catalog.float8;"], "prediction": "v1", "probabilities": []}}, "query": "SELECT k0 AS \"landfall row\", CASE WHEN b5 IS NULL THEN b4 END AS \"prediction\", b5 AS \"reason\" FROM (SELECT k0, b5, b3 + ''0.5''::pg_catalog.float8 AS b4 FROM (SELECT k0, b5, (b2 * ''1.0''::pg_catalog.float8) AS b3 FROM (SELECT k0, CASE WHEN b0 BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 THEN b0 ELSE ''NaN''::pg_catalog.float8 END AS b2, CASE WHEN b1 AND b0 = ''NaN''::pg_catalog.float8 THEN ''x is null'' WHEN b0 = ''NaN''::pg_catalog.float8 THEN ''x is NaN'' WHEN b0 NOT BETWEEN -''1e+304''::pg_catalog.float8 AND ''1e+304''::pg_catalog.float8 AND b0 <> ''NaN''::pg_catalog.float8 THEN ''x is beyond 1e+304'' END AS b5 FROM (SELECT \"landfall row\" AS k0, coalesce(\"x\"::pg_catalog.float8, ''NaN''::pg_catalog.float8) AS b0, \"x\" IS NULL AS b1 FROM \"landfall batch\" OFFSET 0) AS l0 OFFSET 0) AS l1 OFFSET 0) AS l2 OFFSET 0) AS l3", "splits": 0, "trees": 0, "unscorable": "null"}', '2026-11-30 13:05:56.205969+00', NULL);
INSERT INTO landfall.deployments OVERRIDING SYSTEM VALUE VALUES (1, 17203, 'public', 'houses', 'price', '{"prediction": "double precision", "prediction_reason": "text", "model_version": "text"}', '{"x": "number", "prediction": "number", "prediction_reason": "text", "model_version": "text"}', 'null', '[]', NULL, NULL, '2026-11-30 13:05:56.192701+00', NULL);
INSERT INTO landfall.drift VALUES ('bike_demand', '1', '2012-12-11', '2012-12-24', 'temp', 'psi', 0.4, 0.25, 48, '2026-11-30 13:05:56.170868+00');
INSERT INTO landfall.landed_objects VALUES ('landfall', 'bike_sharing/actuals/dt=2012-12-24/hours.csv', 'e0', '2012-12-23 18:00:00+00', 9, 'bike_demand/actuals', '2012-12-24', '2026-11-30 13:05:56.004952+00', NULL);
INSERT INTO landfall.landed_objects VALUES ('landfall', 'bike_sharing/actuals/dt=2012-12-25/hours.csv', 'e1', '2012-12-24 18:00:00+00', 9, 'bike_demand/actuals', '2012-12-25', '2026-11-30 13:05:56.005128+00', NULL);
INSERT INTO landfall.landed_objects VALUES ('landfall', 'bike_sharing/actuals/dt=2012-12-26/hours.csv', 'e2', '2012-12-25 18:00:00+00', 9, 'bike_demand/actuals', '2012-12-26', '2026-11-30 13:05:56.005138+00', NULL);
INSERT INTO landfall.landed_objects VALUES ('landfall', 'bike_sharing/forecast/dt=2012-12-24/hours.csv', 'e0', '2012-12-23 18:00:00+00', 9, 'bike_demand/forecast', '2012-12-24', '2026-11-30 13:05:56.066128+00', NULL);
INSERT INTO landfall.landed_objects VALUES ('landfall', 'bike_sharing/forecast/dt=2012-12-25/hours.csv', 'e1', '2012-12-24 18:00:00+00', 9, 'bike_demand/forecast', '2012-12-25', '2026-11-30 13:05:56.066152+00', NULL);
INSERT INTO landfall.landed_objects VALUES ('landfall', 'bike_sharing/forecast/dt=2012-12-26/hours.csv', 'e2', '2012-12-25 18:00:00+00', 9, 'bike_demand/forecast', '2012-12-26', '2026-11-30 13:05:56.066158+00', NULL);
INSERT INTO landfall.late_landings VALUES ('bike_demand/actuals', '2012-12-27', '2012-12-27 06:00:00+00', '2026-11-30 13:05:56.059241+00', 'no object yet');
INSERT INTO landfall.late_landings VALUES ('bike_demand/forecast', '2012-12-27', '2012-12-27 06:00:00+00', '2026-11-30 13:05:56.14542+00', 'no object yet');
INSERT INTO landfall.other_aliases VALUES ('bike_demand', '2', '1', '2026-11-30 13:05:56.17378+00');
INSERT INTO landfall.own_versions VALUES ('bike_demand', '1', 'run', 's3://landfall/mlflow/1', 'spark', '', '', 'trained', 'manual__1', 'postgres', '2026-11-30 13:05:56.173438+00');
INSERT INTO landfall.partition_errors VALUES ('bike_demand', '1', '2012-12-24', 2, 50, 40, '2026-11-30 13:05:56.170476+00');
INSERT INTO landfall.promotions OVERRIDING SYSTEM VALUE VALUES (1, 'bike_demand', '1', NULL, '2026-11-30 13:05:56.168051+00', 'promoted', 'rmse 50', 'manual__1', '{"rows": 24}');
INSERT INTO landfall.promotions OVERRIDING SYSTEM VALUE VALUES (2, 'bike_demand', '2', '1', '2026-11-30 13:05:56.16867+00', 'promoted', 'rmse 50', 'manual__1', '{"rows": 24}');
INSERT INTO landfall.promotions OVERRIDING SYSTEM VALUE VALUES (3, 'bike_demand', '1', '2', '2026-11-30 13:05:56.168921+00', 'rolled back', 'rmse 50', 'manual__1', '{"rows": 24}');
INSERT INTO landfall.promotions_begun VALUES ('other', '3', '2', '2026-11-30 13:05:56.169132+00', 'promoted', 'interrupted', 'r', NULL);
INSERT INTO landfall.publications OVERRIDING SYSTEM VALUE VALUES (1, 'predictions.bike_demand_errors', '2012-12-24', 'published', 2, 'scheduled__2012-12-24', '1', '{"objects": [{"key": "bike_sharing/actuals/dt=2012-12-24/hours.csv", "etag": "e0"}], "contract": "k1", "code_version": "c0de", "model_version": "1"}', '5f7956809152910ffa413c91c2cc1efbc07d760065e175b3f7396e6759e4a935', '2026-11-30 13:05:56.013245+00', '2026-11-30 13:05:56.023107+00', NULL, 'publications_data.bike_demand_errors_20121224_1', 1);
INSERT INTO landfall.publications OVERRIDING SYSTEM VALUE VALUES (6, 'predictions.bike_demand', '2012-12-25', 'rolled_back', 2, 'scheduled__2012-12-25', '2', '{"objects": [{"key": "bike_sharing/forecast/dt=2012-12-25/hours.csv", "etag": "e1"}], "contract": "k1", "code_version": "c0de", "model_version": "2"}', 'af852214190254a8e752c69de7f06e9685357430ac6e10cb8588de5a920ced0b', '2026-11-30 13:05:56.131535+00', '2026-11-30 13:05:56.141158+00', NULL, 'publications_data.bike_demand_20121225_6', 7);
INSERT INTO landfall.publications OVERRIDING SYSTEM VALUE VALUES (5, 'predictions.bike_demand', '2012-12-25', 'published', 2, 'scheduled__2012-12-25', '1', '{"objects": [{"key": "bike_sharing/forecast/dt=2012-12-25/hours.csv", "etag": "e1"}], "contract": "k1", "code_version": "c0de", "model_version": "1"}', 'f3d5efd96d585c7787af7d5587e3a664527e61d935291735e3cced2c2570fa0a', '2026-11-30 13:05:56.115542+00', '2026-11-30 13:05:56.122883+00', '2026-11-30 13:05:56.149225+00', 'publications_data.bike_demand_20121225_5', 6);
INSERT INTO landfall.publications OVERRIDING SYSTEM VALUE VALUES (2, 'predictions.bike_demand_errors', '2012-12-25', 'superseded', 2, 'scheduled__2012-12-25', '1', '{"objects": [{"key": "bike_sharing/actuals/dt=2012-12-25/hours.csv", "etag": "e1"}], "contract": "k1", "code_version": "c0de", "model_version": "1"}', '62fe64910e7fa5772249089c279fc6efcbb9232a472444b9379da5885f20d94a', '2026-11-30 13:05:56.029292+00', '2026-11-30 13:05:56.037634+00', NULL, 'publications_data.bike_demand_errors_20121225_2', 2);
INSERT INTO landfall.publications OVERRIDING SYSTEM VALUE VALUES (3, 'predictions.bike_demand_errors', '2012-12-25', 'published', 2, 'scheduled__2012-12-25', '2', '{"objects": [{"key": "bike_sharing/actuals/dt=2012-12-25/hours.csv", "etag": "e1"}], "contract": "k1", "code_version": "c0de", "model_version": "2"}', 'de2a8066303e9a445e93fb10cee64b5d62fea2cc8a245beab5ce273f52609c64', '2026-11-30 13:05:56.042507+00', '2026-11-30 13:05:56.053323+00', NULL, 'publications_data.bike_demand_errors_20121225_3', 3);
INSERT INTO landfall.publications OVERRIDING SYSTEM VALUE VALUES (4, 'predictions.bike_demand', '2012-12-24', 'published', 2, 'scheduled__2012-12-24', '1', '{"objects": [{"key": "bike_sharing/forecast/dt=2012-12-24/hours.csv", "etag": "e0"}], "contract": "k1", "code_version": "c0de", "model_version": "1"}', '7dc32f5dab349b9c5ca21b17644a654caf6b2b4294f5135cf050e747cac0de6e', '2026-11-30 13:05:56.090942+00', '2026-11-30 13:05:56.107871+00', NULL, 'publications_data.bike_demand_20121224_4', 5);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (1, 'bike_demand/actuals', '2012-12-24', 'scheduled__2012-12-24', '2026-11-30 13:05:56.007093+00', '{"bike_sharing/actuals/dt=2012-12-24/hours.csv": "e0"}', 2, 1, NULL, NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (2, 'bike_demand/actuals', '2012-12-25', 'scheduled__2012-12-25', '2026-11-30 13:05:56.02619+00', '{"bike_sharing/actuals/dt=2012-12-25/hours.csv": "e1"}', 2, 1, NULL, NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (3, 'bike_demand/actuals', '2012-12-25', 'scheduled__2012-12-25', '2026-11-30 13:05:56.039737+00', '{"bike_sharing/actuals/dt=2012-12-25/hours.csv": "e1"}', 2, 1, NULL, NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (4, 'bike_demand/actuals', '2012-12-26', 'manual__2012-12-26', '2026-11-30 13:05:56.055861+00', '{"bike_sharing/actuals/dt=2012-12-26/hours.csv": "e2"}', NULL, NULL, 'nothing had been published for it', NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (5, 'bike_demand/forecast', '2012-12-24', 'scheduled__2012-12-24', '2026-11-30 13:05:56.072013+00', '{"bike_sharing/forecast/dt=2012-12-24/hours.csv": "e0"}', 2, 1, NULL, NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (6, 'bike_demand/forecast', '2012-12-25', 'scheduled__2012-12-25', '2026-11-30 13:05:56.111044+00', '{"bike_sharing/forecast/dt=2012-12-25/hours.csv": "e1"}', 2, 1, NULL, NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (7, 'bike_demand/forecast', '2012-12-25', 'scheduled__2012-12-25', '2026-11-30 13:05:56.12489+00', '{"bike_sharing/forecast/dt=2012-12-25/hours.csv": "e1"}', 2, 1, NULL, NULL);
INSERT INTO landfall.readings OVERRIDING SYSTEM VALUE VALUES (8, 'bike_demand/forecast', '2012-12-26', 'manual__2012-12-26', '2026-11-30 13:05:56.143903+00', '{"bike_sharing/forecast/dt=2012-12-26/hours.csv": "e2"}', NULL, NULL, 'nothing had been published for it', NULL);
INSERT INTO landfall.retraining_decisions OVERRIDING SYSTEM VALUE VALUES (1, 'bike_demand', 'manual__1', '2026-11-30 13:05:56.170007+00', '1', '[{"kind": "rows", "text": "7 new rows"}]', '{"drift": {}, "until": "", "by_hand": false, "champion": "1", "new_rows": 7, "scheduled": false, "gate_error": null, "since_tried": null, "new_partitions": 1, "published_error": null, "error_partitions": 0}');
INSERT INTO landfall.staged_parts VALUES (1, 0, 2);
INSERT INTO landfall.staged_parts VALUES (2, 0, 2);
INSERT INTO landfall.staged_parts VALUES (3, 0, 2);
INSERT INTO landfall.staged_parts VALUES (4, 0, 2);
INSERT INTO landfall.staged_parts VALUES (5, 0, 2);
INSERT INTO landfall.staged_parts VALUES (6, 0, 2);
INSERT INTO public.houses VALUES (1, 2, 2.5, NULL, '2');
INSERT INTO publications_data.bike_demand_20121224_4 VALUES ('Washington', 'D.C.', '2012-12-24 00:00:00+00', 41.5, '1', '2012-12-24', '2026-11-30 13:05:56.107871+00');
INSERT INTO publications_data.bike_demand_20121224_4 VALUES ('Washington', 'D.C.', '2012-12-24 01:00:00+00', 41.5, '1', '2012-12-24', '2026-11-30 13:05:56.107871+00');
INSERT INTO publications_data.bike_demand_20121225_5 VALUES ('Washington', 'D.C.', '2012-12-25 00:00:00+00', 41.5, '1', '2012-12-25', '2026-11-30 13:05:56.122883+00');
INSERT INTO publications_data.bike_demand_20121225_5 VALUES ('Washington', 'D.C.', '2012-12-25 01:00:00+00', 41.5, '1', '2012-12-25', '2026-11-30 13:05:56.122883+00');
INSERT INTO publications_data.bike_demand_20121225_6 VALUES ('Washington', 'D.C.', '2012-12-25 00:00:00+00', 42.5, '2', '2012-12-25', '2026-11-30 13:05:56.141158+00');
INSERT INTO publications_data.bike_demand_20121225_6 VALUES ('Washington', 'D.C.', '2012-12-25 01:00:00+00', 42.5, '2', '2012-12-25', '2026-11-30 13:05:56.141158+00');
INSERT INTO publications_data.bike_demand_errors_20121224_1 VALUES ('Washington', 'D.C.', '2012-12-24 00:00:00+00', 41.5, 41.5, 41.5, '1', '2012-12-24', '2026-11-30 13:05:56.023107+00');
INSERT INTO publications_data.bike_demand_errors_20121224_1 VALUES ('Washington', 'D.C.', '2012-12-24 01:00:00+00', 41.5, 41.5, 41.5, '1', '2012-12-24', '2026-11-30 13:05:56.023107+00');
INSERT INTO publications_data.bike_demand_errors_20121225_2 VALUES ('Washington', 'D.C.', '2012-12-25 00:00:00+00', 41.5, 41.5, 41.5, '1', '2012-12-25', '2026-11-30 13:05:56.037634+00');
INSERT INTO publications_data.bike_demand_errors_20121225_2 VALUES ('Washington', 'D.C.', '2012-12-25 01:00:00+00', 41.5, 41.5, 41.5, '1', '2012-12-25', '2026-11-30 13:05:56.037634+00');
INSERT INTO publications_data.bike_demand_errors_20121225_3 VALUES ('Washington', 'D.C.', '2012-12-25 00:00:00+00', 42.5, 42.5, 42.5, '2', '2012-12-25', '2026-11-30 13:05:56.053323+00');
INSERT INTO publications_data.bike_demand_errors_20121225_3 VALUES ('Washington', 'D.C.', '2012-12-25 01:00:00+00', 42.5, 42.5, 42.5, '2', '2012-12-25', '2026-11-30 13:05:56.053323+00');
SELECT pg_catalog.setval('landfall.backfills_id_seq', 1, true);
SELECT pg_catalog.setval('landfall.deployed_versions_id_seq', 2, true);
SELECT pg_catalog.setval('landfall.deployments_id_seq', 1, true);
SELECT pg_catalog.setval('landfall.promotions_id_seq', 3, true);
SELECT pg_catalog.setval('landfall.publications_id_seq', 6, true);
SELECT pg_catalog.setval('landfall.readings_id_seq', 8, true);
SELECT pg_catalog.setval('landfall.retraining_decisions_id_seq', 1, true);
ALTER TABLE ONLY landfall.backfills
    ADD CONSTRAINT backfills_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (feed, partition);
ALTER TABLE ONLY landfall.deployed_versions
    ADD CONSTRAINT deployed_versions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.deployments
    ADD CONSTRAINT deployments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (model, version, window_last, feature, statistic);
ALTER TABLE ONLY landfall.landed_objects
    ADD CONSTRAINT landed_objects_pkey PRIMARY KEY (bucket, key, etag, last_modified);
ALTER TABLE ONLY landfall.late_landings
    ADD CONSTRAINT late_landings_pkey PRIMARY KEY (feed, partition, due_at);
ALTER TABLE ONLY landfall.other_aliases
    ADD CONSTRAINT other_aliases_pkey PRIMARY KEY (model);
ALTER TABLE ONLY landfall.own_versions
    ADD CONSTRAINT own_versions_pkey PRIMARY KEY (model, version);
ALTER TABLE ONLY landfall.partition_errors
    ADD CONSTRAINT partition_errors_pkey PRIMARY KEY (model, version, partition);
ALTER TABLE ONLY landfall.promotions_begun
    ADD CONSTRAINT promotions_begun_pkey PRIMARY KEY (model);
ALTER TABLE ONLY landfall.promotions
    ADD CONSTRAINT promotions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.publications
    ADD CONSTRAINT publications_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.retraining_decisions
    ADD CONSTRAINT retraining_decisions_model_run_id_key UNIQUE (model, run_id);
ALTER TABLE ONLY landfall.retraining_decisions
    ADD CONSTRAINT retraining_decisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY landfall.staged_parts
    ADD CONSTRAINT staged_parts_pkey PRIMARY KEY (publication_id, spark_partition);
ALTER TABLE ONLY predictions.bike_demand_errors
    ADD CONSTRAINT bike_demand_errors_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY predictions.bike_demand
    ADD CONSTRAINT bike_demand_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY public.houses
    ADD CONSTRAINT houses_pkey PRIMARY KEY (id);
ALTER TABLE ONLY publications_data.bike_demand_20121224_4
    ADD CONSTRAINT bike_demand_20121224_4_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY publications_data.bike_demand_20121225_5
    ADD CONSTRAINT bike_demand_20121225_5_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY publications_data.bike_demand_20121225_6
    ADD CONSTRAINT bike_demand_20121225_6_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY publications_data.bike_demand_errors_20121224_1
    ADD CONSTRAINT bike_demand_errors_20121224_1_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY publications_data.bike_demand_errors_20121225_2
    ADD CONSTRAINT bike_demand_errors_20121225_2_pkey PRIMARY KEY (city, state, "time");
ALTER TABLE ONLY publications_data.bike_demand_errors_20121225_3
    ADD CONSTRAINT bike_demand_errors_20121225_3_pkey PRIMARY KEY (city, state, "time");
CREATE UNIQUE INDEX backfills_begun ON landfall.backfills USING btree (words) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX deployed_versions_one_at_a_time ON landfall.deployed_versions USING btree (deployment_id) WHERE (until IS NULL);
CREATE UNIQUE INDEX deployments_one_a_table ON landfall.deployments USING btree (table_oid) WHERE (until IS NULL);
CREATE INDEX landed_objects_by_partition ON landfall.landed_objects USING btree (feed, partition);
CREATE INDEX promotions_by_model ON landfall.promotions USING btree (model, id DESC);
CREATE INDEX publications_by_reading ON landfall.publications USING btree (reading_id);
CREATE INDEX publications_by_table ON landfall.publications USING btree (table_name, id);
CREATE UNIQUE INDEX publications_one_published ON landfall.publications USING btree (table_name, partition) WHERE (state = 'published'::text);
CREATE INDEX readings_by_partition ON landfall.readings USING btree (feed, partition, id DESC);
ALTER INDEX predictions.bike_demand_pkey ATTACH PARTITION publications_data.bike_demand_20121224_4_pkey;
ALTER INDEX predictions.bike_demand_pkey ATTACH PARTITION publications_data.bike_demand_20121225_5_pkey;
ALTER INDEX predictions.bike_demand_errors_pkey ATTACH PARTITION publications_data.bike_demand_errors_20121224_1_pkey;
ALTER INDEX predictions.bike_demand_errors_pkey ATTACH PARTITION publications_data.bike_demand_errors_20121225_3_pkey;
CREATE TRIGGER zz_landfall_scores_1 BEFORE INSERT ON public.houses FOR EACH ROW EXECUTE FUNCTION landfall_models.score_1();
CREATE TRIGGER zz_landfall_scores_2 BEFORE UPDATE ON public.houses FOR EACH ROW WHEN ((((((old.x IS DISTINCT FROM new.x) OR (old.prediction IS DISTINCT FROM new.prediction)) OR ((old.prediction_reason COLLATE "C") IS DISTINCT FROM (new.prediction_reason COLLATE "C"))) OR ((old.model_version COLLATE "C") IS DISTINCT FROM (new.model_version COLLATE "C"))) AND (((current_setting('landfall.rescoring'::text, true) = 'on'::text) AND pg_has_role(CURRENT_USER, 'postgres'::name, 'USAGE'::text)) IS NOT TRUE))) EXECUTE FUNCTION landfall_models.score_1();
ALTER TABLE ONLY landfall.deployed_versions
    ADD CONSTRAINT deployed_versions_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES landfall.deployments(id);
ALTER TABLE ONLY landfall.deployments
    ADD CONSTRAINT deployments_fed_by_fkey FOREIGN KEY (fed_by) REFERENCES landfall.deployments(id);
ALTER TABLE ONLY landfall.staged_parts
    ADD CONSTRAINT staged_parts_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES landfall.publications(id);
