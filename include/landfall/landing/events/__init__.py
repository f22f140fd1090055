"""What S3 tells about new objects, and the runs that are started for it from outside of Airflow."""
