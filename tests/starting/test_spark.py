"""New pipelines on a Spark of the test's own: files as they land, whatever their columns are called, become features."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from landfall.spec.project import own_project
from landfall.starting.inference import Choices, infer
from landfall.starting.pipeline_files import pipeline_files
from landfall.starting.place import find_place
from landfall.starting.rendering import write_new
from landfall.testing import kept_rows, local_spark
from spark_jobs.formats.reader import reader_of
from spark_jobs.times import day_of_week, hour_of_day, hour_start, partition_start

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
COLUMNS = {"a.b": 1.5, "c`d": 2.5, "Größe": 3.5, "; DROP TABLE x": 4.5, "f/g": 5.5}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with local_spark() as session:
        yield session


def written(folder: Path, ending: str) -> Path:
    """Three rows with these columns."""
    rows = [{name: value + n for name, value in COLUMNS.items()} for n in range(3)]
    path = folder / f"rows.{ending}"
    if ending == "csv":
        path.write_text("\n".join([",".join(COLUMNS), *(",".join(map(str, row.values())) for row in rows)]) + "\n")
    elif ending == "jsonl":
        path.write_text(
            "".join(json.dumps({name.replace(".", ""): x for name, x in row.items()}) + "\n" for row in rows)
        )
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_is_read_under_the_names_that_its_columns_got(
    spark: Any, ending: str, project: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, ending)
    name = f"odd_{ending}"
    write_new(project, pipeline_files(name, infer(path, Choices()), find_place(project)))
    found = own_project()
    assert found is not None
    found.make_importable()
    feed = importlib.import_module(f"ours.pipelines.{name}").ROWS
    header = json.dumps(dict.fromkeys(COLUMNS, "double")) if ending == "parquet" else ",".join(COLUMNS)
    read = reader_of(feed.landing.format).read(spark, [str(path)], header, feed.contract, [])
    values = [[float(row[column]) for column in feed.contract.names] for row in read.collect()]

    assert values == [[value + n for value in COLUMNS.values()] for n in range(3)]
    features = getattr(importlib.import_module(f"ours.jobs.{name}"), f"{name}_features")
    made = features(kept_rows(spark, feed, [tuple(map(str, row)) for row in values], "2024-05-01")).collect()
    assert [(str(row.time), row.row) for row in made] == [("2024-05-01 00:00:00", n) for n in (1, 2, 3)]


def test_times_are_those_of_the_zone(spark: Any) -> None:
    zone, utc = "Europe/Berlin", "yyyy-MM-dd HH:mm"
    rows = spark.createDataFrame([("2024-03-31", "2024-03-31T07")], "day string, hour string")
    day = F.col("day").cast("date")
    columns = {
        "day_in_berlin": F.date_format(partition_start(day, zone), utc),
        "hour_in_berlin": F.date_format(partition_start(F.col("hour"), zone), utc),
        "hour_in_utc": F.date_format(hour_start(day, F.lit(23)), utc),
        "clock": hour_of_day(hour_start(day, F.lit(23), zone), zone),
        "weekday": day_of_week(hour_start(day, F.lit(23), zone), zone),
    }
    [row] = rows.select(*[column.alias(name) for name, column in columns.items()]).collect()

    assert row.asDict() == {
        "day_in_berlin": "2024-03-30 23:00",
        "hour_in_berlin": "2024-03-31 05:00",
        "hour_in_utc": "2024-03-31 23:00",
        "clock": 23,
        "weekday": 6,
    }
