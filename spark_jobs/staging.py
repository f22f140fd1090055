"""What one Spark task does to stage its rows: it notes itself and runs COPY, in one transaction. Runs on executors."""

import itertools
from collections.abc import Iterator, Mapping

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import TaskContext


def copy_rows(
    batches: Iterator[pa.RecordBatch], database_url: str, tables: Mapping[str, tuple[str, int]]
) -> pa.RecordBatch:
    """Writes `batches` to the staging tables of their partitions, with COPY.

    Rows for a single table are streamed; rows for several tables are held in memory, one Spark partition at a time.

    Args:
        batches: The task's rows; for several tables with a date column `partition`.
        database_url: The predictions database.
        tables: Partition -> (`schema.table`, publication).

    Returns:
        One row per partition: `partition`, and `rows`, the number of rows of this Spark partition that are staged.
    """
    first = next(batches, None)
    if first is None:
        return _staged({})
    rows = itertools.chain([first], batches)
    with adbc.connect(database_url) as connection:
        if len(tables) == 1:
            [(day, (table, publication))] = tables.items()
            reader = pa.RecordBatchReader.from_batches(first.schema, rows)
            return _staged({day: _copy_once(connection, reader, table, publication)})
        table_of_rows = pa.Table.from_batches(rows)
        days = [day.as_py() for day in pc.unique(table_of_rows.column("partition"))]
        return _staged(
            {
                str(day): _copy_once(
                    connection,
                    table_of_rows.filter(pc.equal(table_of_rows.column("partition"), day)).to_reader(),
                    *tables[str(day)],
                )
                for day in days
            }
        )


def _copy_once(connection: adbc.Connection, rows: pa.RecordBatchReader, name: str, publication: int) -> int:
    """Copies `rows`, unless this Spark partition was staged before; gives how many of its rows are staged.

    A second attempt waits for the first on the primary key of `landfall.staged_parts`, and writes nothing if the first has
    committed.
    """
    context = TaskContext.get()
    part = context.partitionId() if context else 0
    schema, _, table = name.partition(".")
    with connection.cursor() as cursor:
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
            staged_before = int(cursor.fetchall()[0][0])
            connection.rollback()
            return staged_before
        copied = int(cursor.adbc_ingest(table, rows, mode="append", db_schema_name=schema))
        cursor.execute(
            "UPDATE landfall.staged_parts SET rows = $3 WHERE publication_id = $1 AND spark_partition = $2",
            (publication, part, copied),
        )
        connection.commit()
        return copied


def _staged(staged: Mapping[str, int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"partition": pa.array(list(staged), pa.string()), "rows": pa.array(list(staged.values()), pa.int64())}
    )
