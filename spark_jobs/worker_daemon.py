"""The process from which Spark forks its Python workers. It imports once what they use, so that a worker starts in milliseconds.

Set as `spark.python.daemon.module`. Spark ends a worker that was idle for a minute. Without this, each new worker would import
pandas, pyarrow and the Postgres driver again (1.5 s and more on two cores).
"""

import adbc_driver_postgresql.dbapi  # noqa: F401
import pandas  # noqa: F401
import pyarrow  # noqa: F401
import pyspark.sql.pandas.serializers
import pyspark.worker  # noqa: F401
from pyspark.daemon import manager

import spark_jobs.staging  # noqa: F401

if __name__ == "__main__":
    manager()
