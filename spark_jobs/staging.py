"""What one Spark task does to stage its rows: note itself and COPY, in one transaction. Runs on executors."""

import itertools
from collections.abc import Iterator

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from pyspark import TaskContext


def copy_once(
    batches: Iterator[pa.RecordBatch], database_url: str, schema: str, table: str, publication: int
) -> pa.RecordBatch:
    """COPY `batches` into `schema.table` unless this Spark partition has been staged before.

    A second attempt waits for the first on the primary key of `landfall.staged_parts`, and writes nothing if the first
    committed.

    Returns:
        One batch with one column `rows`: the rows of this Spark partition that are staged.
    """
    context = TaskContext.get()
    part = context.partitionId() if context else 0
    first = next(batches, None)
    if first is None:
        return _count(0)
    with adbc.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO landfall.staged_parts (publication_id, spark_partition, rows) VALUES ($1, $2, 0)"
            " ON CONFLICT DO NOTHING RETURNING 1",
            (publication, part),
        )
        if not cursor.fetchall():
            cursor.execute(
                "SELECT rows FROM landfall.staged_parts WHERE publication_id = $1 AND spark_partition = $2",
                (publication, part),
            )
            return _count(int(cursor.fetchall()[0][0]))
        reader = pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], batches))
        rows = cursor.adbc_ingest(table, reader, mode="append", db_schema_name=schema)
        cursor.execute(
            "UPDATE landfall.staged_parts SET rows = $3 WHERE publication_id = $1 AND spark_partition = $2",
            (publication, part, rows),
        )
        connection.commit()
        return _count(rows)


def _count(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"rows": pa.array([rows], pa.int64())})
