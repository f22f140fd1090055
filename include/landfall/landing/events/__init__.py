"""Events of S3 about new objects, and the runs that are started for them from outside of Airflow."""
