-- Roles and databases, and who may do what in them: the statements of include/landfall/stack/databases.py.
-- The image runs this file when the volume is new. It may be run again at any time; a volume of an earlier version needs it once:
--
--   docker compose exec postgres sh -c 'PGPASSWORD=$POSTGRES_PASSWORD psql -U postgres -f /docker-entrypoint-initdb.d/databases.sql'
\set ON_ERROR_STOP on
\getenv airflow_password LANDFALL_AIRFLOW_DB_PASSWORD
\getenv mlflow_password LANDFALL_MLFLOW_DB_PASSWORD
\getenv landfall_password LANDFALL_DB_PASSWORD
\getenv reader_password LANDFALL_READER_PASSWORD
\getenv serving_password LANDFALL_SERVING_PASSWORD

SELECT count(*) = 0 AS lacks_role FROM pg_roles WHERE rolname = 'airflow' \gset
\if :lacks_role
CREATE ROLE "airflow" LOGIN PASSWORD :'airflow_password';
\endif
ALTER ROLE "airflow" NOREPLICATION;
SELECT count(*) = 0 AS lacks_database FROM pg_database WHERE datname = 'airflow' \gset
\if :lacks_database
CREATE DATABASE "airflow" OWNER "airflow";
\endif
REVOKE CONNECT, TEMPORARY ON DATABASE "airflow" FROM PUBLIC;

SELECT count(*) = 0 AS lacks_role FROM pg_roles WHERE rolname = 'mlflow' \gset
\if :lacks_role
CREATE ROLE "mlflow" LOGIN PASSWORD :'mlflow_password';
\endif
ALTER ROLE "mlflow" NOREPLICATION;
SELECT count(*) = 0 AS lacks_database FROM pg_database WHERE datname = 'mlflow' \gset
\if :lacks_database
CREATE DATABASE "mlflow" OWNER "mlflow";
\endif
REVOKE CONNECT, TEMPORARY ON DATABASE "mlflow" FROM PUBLIC;

SELECT count(*) = 0 AS lacks_role FROM pg_roles WHERE rolname = 'landfall' \gset
\if :lacks_role
CREATE ROLE "landfall" LOGIN PASSWORD :'landfall_password';
\endif
ALTER ROLE "landfall" NOREPLICATION;
SELECT count(*) = 0 AS lacks_database FROM pg_database WHERE datname = 'landfall' \gset
\if :lacks_database
CREATE DATABASE "landfall" OWNER "landfall";
\endif
REVOKE CONNECT, TEMPORARY ON DATABASE "landfall" FROM PUBLIC;

REVOKE CONNECT, TEMPORARY ON DATABASE "postgres" FROM PUBLIC;
REVOKE CONNECT, TEMPORARY ON DATABASE "template1" FROM PUBLIC;

-- What applications read predictions with.
SELECT count(*) = 0 AS lacks_role FROM pg_roles WHERE rolname = 'landfall_reader' \gset
\if :lacks_role
CREATE ROLE "landfall_reader" LOGIN PASSWORD :'reader_password';
\endif
ALTER ROLE "landfall_reader" NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 40;
ALTER ROLE "landfall_reader" SET default_transaction_read_only = 'on';
ALTER ROLE "landfall_reader" SET statement_timeout = '30s';
ALTER ROLE "landfall_reader" SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE "landfall_reader" SET temp_file_limit = '1GB';
GRANT CONNECT ON DATABASE "landfall" TO "landfall_reader";

-- What the lookup service reads with. `landfall migrate` gives it Landfall's own tables that it needs.
SELECT count(*) = 0 AS lacks_role FROM pg_roles WHERE rolname = 'landfall_serving' \gset
\if :lacks_role
CREATE ROLE "landfall_serving" LOGIN PASSWORD :'serving_password';
\endif
ALTER ROLE "landfall_serving" NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20;
ALTER ROLE "landfall_serving" SET default_transaction_read_only = 'on';
ALTER ROLE "landfall_serving" SET statement_timeout = '10s';
ALTER ROLE "landfall_serving" SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE "landfall_serving" SET temp_file_limit = '1GB';
GRANT CONNECT ON DATABASE "landfall" TO "landfall_serving";

\connect landfall
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS predictions AUTHORIZATION "landfall";
GRANT USAGE ON SCHEMA predictions TO "landfall_reader", "landfall_serving";
GRANT SELECT ON ALL TABLES IN SCHEMA predictions TO "landfall_reader", "landfall_serving";
