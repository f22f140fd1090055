"""Asks a new Spark server one trivial query, then runs what would be slow for a first job.

The first line that it prints makes the part healthy; the rest happens in the background and may fail without harm.
`python -m landfall.stack.warm PORT`, with LANDFALL_SPARK_REMOTE set.
"""

import os
import sys
import time

from landfall.stack.answers import listens
from landfall.stack.s3 import S3Server
from landfall.stack.spark import ANSWERED

PATIENCE = 110.0


def main(port: int) -> None:
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s: {what}", flush=True)

    from pyspark.sql.connect.session import SparkSession  # 1.5 s, while the server starts

    while not listens(port) and time.monotonic() - began < PATIENCE:
        time.sleep(0.1)
    spark = SparkSession.builder.remote(os.environ["LANDFALL_SPARK_REMOTE"]).getOrCreate()
    spark.sql("SELECT 1").collect()
    say(ANSWERED)
    table = f"s3a://{S3Server.WARM_BUCKET}/numbers"
    numbers = spark.range(100).selectExpr("id", "id % 2 AS half", "double(id) AS x")
    numbers.write.format("delta").mode("overwrite").partitionBy("half").option("overwriteSchema", True).save(table)
    kept = spark.read.format("delta").load(table)
    kept.groupBy("half").count().collect()
    say("Delta on S3")
    kept.mapInPandas(lambda frames: frames, kept.schema).count()
    say("a Python worker")
    spark.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
