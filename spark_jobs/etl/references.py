"""The values that columns with references may have: those of another feed's feature table."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from landfall.errors import ComputeError
from landfall.spec.column import Column, References
from landfall.spec.contract import Contract
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.landed import LandedPartitions
from spark_jobs.tables import read_partitions, read_whole


def referenced_values(spark: SparkSession, landed: LandedPartitions, contract: Contract) -> dict[str, DataFrame]:
    """Column -> the values that it may have, in the column `value`; with `dt` if the reference is to the row's own partition.

    Raises:
        ComputeError: a table does not exist yet, or lacks the column.
    """
    return {
        column.name: _values(spark, landed, column, column.references)
        for column in contract.columns
        if column.references
    }


def _values(spark: SparkSession, landed: LandedPartitions, column: Column, to: References) -> DataFrame:
    if to.same_partition:
        table = read_partitions(spark, landed.lake, TablePartitions(to.table, landed.partitions))
    else:
        table = read_whole(spark, landed.lake, to.table)
    if to.column not in table.columns:
        raise ComputeError(
            f"The table `{to.table}` has no column `{to.column}`, which column `{column.name}` refers to.",
            looked=f"its columns: {', '.join(table.columns)}",
            left="nothing was written",
            next="correct Column.references in the contract",
            fault="request",
        )
    value = F.col(to.column).try_cast(column.sql_type).alias("value")
    return table.select(value, *(["dt"] if to.same_partition else []))
