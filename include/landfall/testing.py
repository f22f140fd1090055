"""What tests of pipelines share: a DAG file's DAG, a Spark of the test's own, and rows as they are after they have landed.

No server is needed. Spark takes some seconds to start.
"""

import importlib.util
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfall.errors import ContractError
from landfall.spec import Feed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def dag_of(file: Path) -> Any:
    """The DAG that a DAG file makes, as `dag`; the file is imported. Airflow's own files go to a temporary folder.

    Raises:
        Exception: whatever the file raises when it is imported.
        AttributeError: the file makes no `dag`.
    """
    os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="landfall-airflow-"))
    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    spec = importlib.util.spec_from_file_location(f"dag_file_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag


@contextmanager
def local_spark() -> "Iterator[SparkSession]":
    """A Spark in this process, with one core. It ends with the block."""
    from landfall.stack.java import choose
    from landfall.stack.layout import cache
    from spark_jobs.session import CONNECTED

    for name in CONNECTED:  # the process may have used a Connect server before
        os.environ.pop(name, None)
    os.environ["JAVA_HOME"] = str(choose(cache()).home)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("test")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(prefix="landfall-spark-"),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def kept_rows(spark: "SparkSession", feed: Feed, rows: Sequence[Sequence[str | None]], partition: str) -> "DataFrame":
    """The rows that a job hands to the feed's transform: typed by the contract, with `source` and `dt`.

    Args:
        spark: The session.
        feed: The feed.
        rows: Rows as texts, in the order of the contract's columns; None for a value that is not there.
        partition: The partition in which they land.

    Raises:
        ContractError: a row breaks the contract. The message names the first reasons.
        SpecError: the feed has no such partition.
    """
    from pyspark.sql import functions as F

    from spark_jobs.contract import CORRUPT, Rules, judge, kept, quarantined
    from spark_jobs.formats.reader import reader_of

    contract, landing = feed.contract, feed.landing
    day = landing.calendar.parse(partition)
    schema = ", ".join(f"`{name}` string" for name in (*contract.names, CORRUPT))
    source = f"{landing.folder(day)}{landing.format.object_name}"
    dt = F.lit(str(day)) if landing.calendar.hourly else F.lit(str(day)).cast("date")
    landed = spark.createDataFrame([(*row, None) for row in rows], schema)
    rules = Rules(contract, landing, reader_of(landing.format).ragged(contract))
    judged = judge(landed.withColumns({"source": F.lit(source), "dt": dt}), rules)
    if bad := quarantined(judged, contract).limit(3).collect():
        raise ContractError(
            f"{len(bad)} or more of {len(rows)} rows break the contract of `{feed.full_name}`.",
            looked="; ".join(", ".join(row.reasons) for row in bad),
            next="correct the rows or the contract",
        )
    return kept(judged, rules)
