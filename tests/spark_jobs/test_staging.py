"""Rows staged from executors: once, however often a publication's tasks run, and none of a copy that failed."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pyspark.errors import PySparkException

from landfall.publishing import Fingerprint, Publication, open_publication
from landfall.spec import Partition, PredictionTable
from spark_jobs.tables import stage_rows

DAY = Partition.parse("2012-12-25")
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def table(stack: Any) -> Iterator[PredictionTable]:
    """A prediction table that no other module has."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    yield PredictionTable(
        name=f"predictions.{name}",
        columns={"city": "text", "time": "timestamptz", "predicted": "double precision"},
        key=("city", "time"),
    )
    with psycopg.connect(stack.settings.database_url, autocommit=True) as conn:
        mine = "SELECT id FROM landfall.publications WHERE table_name = %s"
        query = "SELECT child_table FROM landfall.publications WHERE table_name = %s AND child_table IS NOT NULL"
        for (child,) in conn.execute(query, [f"predictions.{name}"]).fetchall():
            conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(*child.split("."))))
        conn.execute(f"DELETE FROM landfall.staged_parts WHERE publication_id IN ({mine})", [f"predictions.{name}"])
        conn.execute("DELETE FROM landfall.publications WHERE table_name = %s", [f"predictions.{name}"])
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("predictions", name)))


@pytest.fixture
def conn(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection to the predictions database, which is also what the jobs of the test write to."""
    monkeypatch.setenv("LANDFALL_DATABASE_URL", stack.settings.database_url)
    with psycopg.connect(stack.settings.database_url, autocommit=True) as connection:
        yield connection


def begin(conn: Connection, table: PredictionTable, run_id: str) -> Publication:
    made_from = Fingerprint(objects={"a.csv": "etag"}, code_version="c0de", model_version="7", contract="1")
    return open_publication(conn, table, DAY, run_id=run_id, model_version="7", fingerprint=made_from)


def minutes(spark: Any, count: int, *, parts: int = 3, time: str | None = None) -> Any:
    """`count` rows a minute apart, in so many Spark partitions."""
    start = f"timestamp_seconds({int(DAY.start.timestamp())} + id * 60)"
    columns = ["'Washington' AS city", f"{time or start} AS time", "double(id) AS predicted"]
    return spark.range(0, count, 1, parts).selectExpr(*columns)


def staged(conn: Connection, publication: Publication) -> tuple[list[float], list[tuple[int, int]]]:
    """What is in the staging table, and what the Spark partitions noted."""
    schema, _, name = publication.staging.partition(".")
    rows = conn.execute(
        sql.SQL("SELECT predicted FROM {} ORDER BY predicted").format(sql.Identifier(schema, name))
    ).fetchall()
    noted = conn.execute(
        "SELECT spark_partition, rows FROM landfall.staged_parts WHERE publication_id = %s ORDER BY 1", [publication.id]
    ).fetchall()
    return [row[0] for row in rows], [(int(part), int(count)) for part, count in noted]


def test_rows_arrive_once_and_a_second_job_adds_nothing(conn: Connection, spark: Any, table: PredictionTable) -> None:
    publication = begin(conn, table, "twice")
    frame = minutes(spark, 100)
    expected = ([float(n) for n in range(100)], [(0, 33), (1, 33), (2, 34)])
    assert stage_rows(frame, staging=publication.staging, publication=publication.id) == 100
    assert staged(conn, publication) == expected
    assert stage_rows(frame, staging=publication.staging, publication=publication.id) == 100
    assert staged(conn, publication) == expected


def test_two_publications_of_a_day_do_not_take_each_others_rows(
    conn: Connection, spark: Any, table: PredictionTable
) -> None:
    one, other = begin(conn, table, "one"), begin(conn, table, "other")
    assert stage_rows(minutes(spark, 3, parts=1), staging=one.staging, publication=one.id) == 3
    assert stage_rows(minutes(spark, 2, parts=1), staging=other.staging, publication=other.id) == 2
    assert staged(conn, one) == ([0.0, 1.0, 2.0], [(0, 3)])
    assert staged(conn, other) == ([0.0, 1.0], [(0, 2)])


def test_a_failed_copy_leaves_nothing_and_can_be_tried_again(
    conn: Connection, spark: Any, table: PredictionTable
) -> None:
    """A null in the key breaks the COPY of the last row, after the others have gone through."""
    publication = begin(conn, table, "failed")
    bad = minutes(spark, 24, parts=1, time="CASE WHEN id < 23 THEN timestamp_seconds(1356393600 + id * 60) END")
    with pytest.raises(PySparkException, match='null value in column "time"'):
        stage_rows(bad, staging=publication.staging, publication=publication.id)
    assert staged(conn, publication) == ([], [])
    assert stage_rows(minutes(spark, 24, parts=1), staging=publication.staging, publication=publication.id) == 24
    assert staged(conn, publication) == ([float(n) for n in range(24)], [(0, 24)])


def test_no_rows_are_staged_as_none(conn: Connection, spark: Any, table: PredictionTable) -> None:
    publication = begin(conn, table, "none")
    assert stage_rows(minutes(spark, 0), staging=publication.staging, publication=publication.id) == 0
    assert staged(conn, publication) == ([], [])
