-- Runs once, when the volume is new: three databases, each owned by a role of its name. Nobody else may connect to one.
-- REPLICATION, so that changes can be captured by the role that owns the tables.
\getenv airflow_password LANDFALL_AIRFLOW_DB_PASSWORD
\getenv mlflow_password LANDFALL_MLFLOW_DB_PASSWORD
\getenv landfall_password LANDFALL_DB_PASSWORD

CREATE ROLE "airflow" LOGIN REPLICATION PASSWORD :'airflow_password';
CREATE DATABASE "airflow" OWNER "airflow";
REVOKE CONNECT ON DATABASE "airflow" FROM PUBLIC;

CREATE ROLE "mlflow" LOGIN REPLICATION PASSWORD :'mlflow_password';
CREATE DATABASE "mlflow" OWNER "mlflow";
REVOKE CONNECT ON DATABASE "mlflow" FROM PUBLIC;

CREATE ROLE "landfall" LOGIN REPLICATION PASSWORD :'landfall_password';
CREATE DATABASE "landfall" OWNER "landfall";
REVOKE CONNECT ON DATABASE "landfall" FROM PUBLIC;
