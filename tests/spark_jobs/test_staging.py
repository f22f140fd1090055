"""Rows staged from executors: once, however often a publication's tasks run, and none of a copy that failed."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pyspark.errors import PySparkException

from landfall.errors import LandfallError
from landfall.publishing import Fingerprint, Publication, open_publication
from landfall.spec import Partition, PredictionTable
from landfall.spec.reports import Stages
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


def begin(conn: Connection, table: PredictionTable, run_id: str, day: Partition = DAY) -> Publication:
    made_from = Fingerprint(objects={"a.csv": "etag"}, code_version="c0de", model_version="7", contract="1")
    return open_publication(conn, table, day, run_id=run_id, model_version="7", fingerprint=made_from)


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


def stage(frame: Any, publication: Publication) -> int:
    """Rows of `frame` staged for one publication."""
    return stage_rows(frame, Stages(((DAY, publication.staging, publication.id),)))[str(DAY)]


def test_rows_arrive_once_and_a_second_job_adds_nothing(conn: Connection, spark: Any, table: PredictionTable) -> None:
    publication = begin(conn, table, "twice")
    frame = minutes(spark, 100)
    expected = ([float(n) for n in range(100)], [(0, 33), (1, 33), (2, 34)])
    assert stage(frame, publication) == 100
    assert staged(conn, publication) == expected
    assert stage(frame, publication) == 100
    assert staged(conn, publication) == expected


def test_two_publications_of_a_day_do_not_take_each_others_rows(
    conn: Connection, spark: Any, table: PredictionTable
) -> None:
    one, other = begin(conn, table, "one"), begin(conn, table, "other")
    assert stage(minutes(spark, 3, parts=1), one) == 3
    assert stage(minutes(spark, 2, parts=1), other) == 2
    assert staged(conn, one) == ([0.0, 1.0, 2.0], [(0, 3)])
    assert staged(conn, other) == ([0.0, 1.0], [(0, 2)])


def test_a_failed_copy_leaves_nothing_and_can_be_tried_again(
    conn: Connection, spark: Any, table: PredictionTable
) -> None:
    """A null in the key breaks the COPY of the last row, after the others have gone through."""
    publication = begin(conn, table, "failed")
    bad = minutes(spark, 24, parts=1, time="CASE WHEN id < 23 THEN timestamp_seconds(1356393600 + id * 60) END")
    with pytest.raises(PySparkException, match='null value in column "time"'):
        stage(bad, publication)
    assert staged(conn, publication) == ([], [])
    assert stage(minutes(spark, 24, parts=1), publication) == 24
    assert staged(conn, publication) == ([float(n) for n in range(24)], [(0, 24)])


def test_no_rows_are_staged_as_none(conn: Connection, spark: Any, table: PredictionTable) -> None:
    publication = begin(conn, table, "none")
    assert stage(minutes(spark, 0), publication) == 0
    assert staged(conn, publication) == ([], [])


def test_rows_of_several_days_go_each_to_the_table_of_its_day(
    conn: Connection, spark: Any, table: PredictionTable
) -> None:
    days = [Partition.parse(f"2012-12-2{n}") for n in (5, 6, 7)]
    opened = {day: begin(conn, table, "several", day) for day in days}
    start = f"timestamp_seconds({int(DAY.start.timestamp())} + id * 60)"
    frame = spark.range(0, 2000, 1, 3).selectExpr(
        "'Washington' AS city", f"{start} AS time", "double(id) AS predicted", f"date({start}) AS partition"
    )
    stages = Stages(tuple((day, each.staging, each.id) for day, each in opened.items()))
    expected = {"2012-12-25": 1440, "2012-12-26": 560, "2012-12-27": 0}
    assert stage_rows(frame, stages) == expected
    assert stage_rows(frame, stages) == expected
    assert {str(day): len(staged(conn, each)[0]) for day, each in opened.items()} == expected
    assert staged(conn, opened[days[1]])[0] == [float(n) for n in range(1440, 2000)]


def test_stages_are_written_and_read() -> None:
    text = "2012-12-25=publications_data.a_1#1,2012-12-26=publications_data.b_2#22"
    assert str(Stages.parse(text)) == text
    for wrong in ("", "2012-12-25", "2012-12-25=a.b", "2012-12-25=a#1", "2012-12-25=a.b#x", "x=a.b#1"):
        with pytest.raises(LandfallError):
            Stages.parse(wrong)
