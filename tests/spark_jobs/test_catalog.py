"""Tables of a catalog, by three names: what the jobs write there, read there, and say of one that is not there."""

from collections.abc import Iterator
from typing import Any

import pytest

from landfall.errors import ComputeError
from landfall.spec import Partitions
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.__main__ import run
from spark_jobs.lake import Lake
from spark_jobs.tables import CREATED, delta_version, existing_partitions, read_version

CATALOG = "spark_catalog"
"""Every session's own; with Delta's classes it does what Unity Catalog's does: `CATALOG.schema.table`."""


@pytest.fixture(scope="module")
def catalog(corner: Any) -> Iterator[Any]:
    """The corner, with a schema of its name in the catalog, and a day of features in both."""
    corner.spark.sql(f"CREATE SCHEMA {CATALOG}.{corner.name}")
    for day in ("2012-12-24", "2012-12-25"):
        corner.land(day)
        corner.run(day)
        corner.run(day, "--catalog", CATALOG)
    yield corner
    corner.spark.sql(f"DROP SCHEMA {CATALOG}.{corner.name} CASCADE")


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.sort("time").collect()]


def test_a_job_makes_the_same_rows_in_a_catalog_and_none_beside_it(catalog: Any) -> None:
    table = catalog.spark.read.table(f"{CATALOG}.{catalog.features}")
    assert rows(table) == rows(catalog.table("features"))
    assert not [file for file in table.inputFiles() if file.startswith(catalog.settings.lake)]


def test_a_rerun_replaces_its_day_alone(catalog: Any) -> None:
    lake, name = Lake(catalog.settings.lake, CATALOG), catalog.features
    before, version = rows(catalog.spark.read.table(lake.sql_name(name))), delta_version(catalog.spark, lake, name)
    changed = catalog.rows_of("2012-12-25")[:12]
    catalog.land("2012-12-25", catalog.csv(changed))
    assert catalog.run("2012-12-25", "--catalog", CATALOG)["rows"] == 12
    assert delta_version(catalog.spark, lake, name) == version + 1
    assert rows(catalog.spark.read.table(lake.sql_name(name))) == before[:36]
    every = TablePartitions(name, Partitions.of([]))
    assert rows(read_version(catalog.spark, lake, every, version)) == before
    assert str(existing_partitions(catalog.spark, lake, name)) == "2012-12-24..2012-12-25"


def test_a_table_of_a_catalog_is_created_as_one_of_the_bucket_is(catalog: Any) -> None:
    told = catalog.spark.sql(f"DESCRIBE DETAIL {CATALOG}.{catalog.features}").collect()[0]
    assert (told.partitionColumns, told.properties) == (["dt"], CREATED)


def test_a_table_that_the_catalog_lacks_is_named_with_the_catalog(catalog: Any) -> None:
    stages = ["--stages", "2012-12-25=publications_data.none#1", "--model", "m", "--model-version", "1"]
    argv = [
        "predictions",
        "--key",
        "time",
        "--predicted",
        "predicted",
        "--features",
        f"{catalog.name}.none/dt=2012-12-25",
        *stages,
    ]
    with pytest.raises(ComputeError) as refused:
        run([*argv, "--lake", catalog.settings.lake, "--catalog", CATALOG], catalog.spark)
    assert str(refused.value) == (
        f"The table `{catalog.name}.none` does not exist.\n"
        f"  looked: {CATALOG}.{catalog.name}.none\n"
        "  left: nothing was written\n"
        "  next: land its files and run the DAG that makes it"
    )
