"""Counts the newest values of many features in the bins of a reference, in one pass over them.

Spark hands rows to Python value by value, which for 50 columns costs more than everything else. So if the table allows it,
Spark hands over the bytes of its Parquet files, which are decoded where they are counted. This is as fast as one aggregate
over the columns in Spark; handing over the rows takes twice as long.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.training.histogram import Bins
from spark_jobs.training.rows import number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Totals = dict[str, npt.NDArray[np.int64]]

ROWS = 65_536
"""How many rows are decoded at a time."""
PLAIN = {"appendOnly", "invariants", "checkConstraints", "generatedColumns", "changeDataFeed", "inCommitTimestamp"}
"""Features of a Delta table with which its Parquet files contain exactly its rows, under its columns' names."""


def count_values(
    spark: SparkSession, folder: str | None, rows: DataFrame, bins: Mapping[str, Bins]
) -> dict[str, list[int]]:
    """Feature -> how many values are in each of its bins (see `Bins.histogram`).

    Args:
        spark: The session.
        folder: Where the files of the Delta table are; None if they cannot be read directly.
        rows: Whole partitions of the table.
        bins: Feature (a column of numbers in the table) -> its bins.
    """
    if not bins:
        return {}
    if folder and _is_plain(spark, folder):
        files = list(rows.inputFiles())
        if not files:
            return {name: [0] * bins_of.count for name, bins_of in bins.items()}
        source, of_task = spark.read.format("binaryFile").load(files).select("content"), _count_files
    else:
        source, of_task = rows.select(*(number(name).alias(name) for name in bins)), _count_rows

    def count(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        totals = of_task(batches, bins)
        columns = {"feature": list(totals), "counts": [total.tolist() for total in totals.values()]}
        yield pa.RecordBatch.from_pydict(
            columns, schema=pa.schema({"feature": pa.string(), "counts": pa.list_(pa.int64())})
        )

    sums = {name: [0] * bins_of.count for name, bins_of in bins.items()}
    for row in source.mapInArrow(count, "feature string, counts array<bigint>").collect():
        sums[row.feature] = [total + counted for total, counted in zip(sums[row.feature], row.counts, strict=True)]
    return sums


def _is_plain(spark: SparkSession, folder: str) -> bool:
    """False if a file may contain deleted rows, or a column may have another name in it."""
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{folder}`").select("tableFeatures", "properties").collect()[0]
    return (
        set(detail.tableFeatures or ()) <= PLAIN and detail.properties.get("delta.columnMapping.mode", "none") == "none"
    )


def _count_rows(batches: "Iterator[pa.RecordBatch]", bins: Mapping[str, Bins]) -> "Totals":
    import numpy as np

    totals = {name: np.zeros(bins_of.count, dtype=np.int64) for name, bins_of in bins.items()}
    for batch in batches:
        for name, bins_of in bins.items():
            totals[name] += bins_of.histogram(batch.column(name).to_numpy(zero_copy_only=False))
    return totals


def _count_files(batches: "Iterator[pa.RecordBatch]", bins: Mapping[str, Bins]) -> "Totals":
    """As `_count_rows`, but for the bytes of whole Parquet files. A column that a file lacks has only missing values there."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    totals = {name: np.zeros(bins_of.count, dtype=np.int64) for name, bins_of in bins.items()}
    for content in (value for batch in batches for value in batch.column("content")):
        file = pq.ParquetFile(pa.BufferReader(content.as_buffer()))
        present = set(file.schema_arrow.names)
        for name in set(bins) - present:
            totals[name][-1] += file.metadata.num_rows
        for batch in file.iter_batches(ROWS, columns=[name for name in bins if name in present], use_threads=False):
            for name in batch.schema.names:
                values = pc.cast(batch.column(name), pa.float64()).to_numpy(zero_copy_only=False)
                totals[name] += bins[name].histogram(values)
    return totals
