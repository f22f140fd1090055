"""The steps of `bike_plain`: `spark-submit steps.py features|score|publish DAY MODEL`. Straightforward PySpark."""

import os
import sys
from urllib.parse import unquote, urlsplit

from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

LAKE = "s3a://landfall/plain"
NUMBERS = ["season", "yr", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit"]
DOUBLES = ["temp", "atemp", "hum", "windspeed"]


def features(spark: SparkSession, day: str) -> None:
    """Read the landed day, drop rows with a null, write its partition of the feature table."""
    rows = spark.read.option("header", True).csv(f"{LAKE}/forecast/dt={day}/")
    typed = rows.select(
        F.col("dteday").cast("date").alias("dt"),
        (F.unix_timestamp(F.col("dteday").cast("timestamp")) + F.col("hr") * 3600).cast("timestamp").alias("time"),
        *[F.col(name).cast("int") for name in NUMBERS],
        *[F.col(name).cast("double") for name in DOUBLES],
        (F.col("hr").cast("int") + 24 * F.col("workingday").cast("int")).alias("hour_of_daytype"),
    ).dropna()
    writer = typed.write.format("delta").mode("overwrite").partitionBy("dt")
    writer.option("replaceWhere", f"dt = '{day}'").save(f"{LAKE}/features")


def score(spark: SparkSession, day: str, model: str) -> None:
    """Load the model, score the day, write its partition of the predictions table in the lake."""
    hours = spark.read.format("delta").load(f"{LAKE}/features").where(F.col("dt") == day)
    scored = PipelineModel.load(model).transform(hours).select("time", "dt", F.col("prediction").alias("predicted"))
    writer = scored.write.format("delta").mode("overwrite").partitionBy("dt")
    writer.option("replaceWhere", f"dt = '{day}'").save(f"{LAKE}/predictions")


def publish(spark: SparkSession, day: str) -> None:
    """Append the day to a Postgres table by JDBC."""
    url = urlsplit(os.environ["LANDFALL_DATABASE_URL"])
    rows = spark.read.format("delta").load(f"{LAKE}/predictions").where(F.col("dt") == day)
    writer = rows.write.format("jdbc").mode("append").option("driver", "org.postgresql.Driver")
    writer = writer.option("url", f"jdbc:postgresql://{url.hostname}:{url.port}{url.path}")
    writer = writer.option("user", unquote(url.username or "")).option("password", unquote(url.password or ""))
    writer.option("dbtable", "public.bike_plain").save()


if __name__ == "__main__":
    session = SparkSession.builder.getOrCreate()
    step, day = sys.argv[1:3]
    {"features": features, "publish": publish}.get(step, lambda s, d: score(s, d, sys.argv[3]))(session, day)
