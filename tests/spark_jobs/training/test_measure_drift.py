"""Drift over a window, held against the reference that a training reported."""

import json
from typing import Any

import pytest

from landfall.spec import Job
from spark_jobs.files import write_file
from spark_jobs.lake import Lake
from spark_jobs.training.counting import _is_plain, count_values
from spark_jobs.training.histogram import describe, distances, read_bins

WINDOW = "2012-06-09..2012-06-10"


@pytest.fixture(scope="module")
def reference(learning: Any) -> dict[str, Any]:
    """Of ten days, with a feature that is always the same; kept where the job is told to look."""
    rows = learning.hours(10, never="0").select("hr", "temp", "workingday", "never").toPandas()
    known: dict[str, Any] = {name: describe(rows[name].to_numpy(dtype=float)) for name in rows.columns}
    write_file(learning.folder("reference.json"), json.dumps(known).encode())
    return known


def drift(learning: Any, table: str, days: str = WINDOW) -> dict[str, Any]:
    """The job's report."""
    from spark_jobs.__main__ import run

    job = Job(name="measure_drift", arguments={"features": f"{table}/dt={days}"})
    argv = job.argv(partition="", reference=learning.folder("reference.json"), lake=learning.settings.lake)
    return run(argv, learning.spark)


def expected(learning: Any, reference: dict[str, Any], name: str, feature: str) -> dict[str, float]:
    """The same distances, from the window's rows as pandas has them."""
    first, last = WINDOW.split("..")
    rows = learning.table(name).where(f"dt BETWEEN DATE '{first}' AND DATE '{last}'").toPandas()
    values = rows[feature].to_numpy(dtype=float)
    return distances(reference[feature], read_bins(reference[feature]).histogram(values).tolist())


def test_the_window_is_held_against_the_reference(learning: Any, reference: dict[str, Any]) -> None:
    warm = "IF(dt > DATE '2012-06-08', temp * 41, temp)"
    rows = learning.hours(10, never="IF(dt > DATE '2012-06-08', 1, 0)", warmer=warm)
    table = learning.write("warm", rows.drop("temp").withColumnRenamed("warmer", "temp"), files=3)
    told = drift(learning, table)
    assert told["rows"] == 48
    assert told["missing"] == []
    assert told["drift"] == {name: pytest.approx(expected(learning, reference, "warm", name)) for name in reference}
    assert told["drift"]["temp"]["psi"] > 5
    assert told["drift"]["never"]["ks"] == 1.0
    assert told["drift"]["hr"] == pytest.approx({"psi": 0, "ks": 0}, abs=1e-9)


def test_features_that_are_no_numbers_of_the_table_are_named(learning: Any, reference: dict[str, Any]) -> None:
    rows = learning.hours(10).drop("hr").withColumnRenamed("temp", "heat").selectExpr("*", "sky AS never")
    told = drift(learning, learning.write("lacking", rows))
    assert told["missing"] == ["hr", "never", "temp"]
    assert set(told["drift"]) == {"workingday"}


def test_without_rows_nothing_has_drifted(learning: Any, reference: dict[str, Any]) -> None:
    table = learning.write("short", learning.hours(3))
    assert drift(learning, table) == {"rows": 0, "drift": {}, "missing": ["never"]}


def test_a_column_that_older_files_were_written_without_is_missing_in_their_rows(
    learning: Any, reference: dict[str, Any]
) -> None:
    from landfall.spec import Partitions
    from landfall.spec.table_partitions import TablePartitions
    from spark_jobs.tables import overwrite_partitions

    name = f"{learning.name}.grown"
    for day, columns in (("2012-06-09", ["temp"]), ("2012-06-10", ["temp", "hr"])):
        rows = learning.hours(10).where(f"dt = DATE '{day}'").select("dt", *columns)
        overwrite_partitions(rows, Lake(learning.settings.lake), TablePartitions(name, Partitions.parse(day)), rows=24)
    told = drift(learning, name)
    assert told["rows"] == 48
    assert told["drift"]["hr"]["ks"] == pytest.approx(0.5)
    assert told["drift"]["hr"]["psi"] > 3


@pytest.mark.parametrize("property_", ["delta.enableDeletionVectors' = 'true", "delta.columnMapping.mode' = 'name"])
def test_a_table_whose_files_are_not_its_rows_is_counted_by_its_rows(
    learning: Any, reference: dict[str, Any], property_: str
) -> None:
    name = f"mapped{len(property_)}"
    path = str(Lake(learning.settings.lake).folder(f"{learning.name}.{name}"))
    learning.write(name, learning.hours(10))
    assert _is_plain(learning.spark, path)
    learning.spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('{property_}')")
    learning.spark.sql(f"DELETE FROM delta.`{path}` WHERE dt = DATE '2012-06-10' AND hr < 12")
    assert not _is_plain(learning.spark, path)
    told = drift(learning, f"{learning.name}.{name}")
    assert told["rows"] == 36
    assert told["drift"]["hr"] == pytest.approx(expected(learning, reference, name, "hr"))


def test_both_ways_of_counting_agree(learning: Any, reference: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = "IF(hr = 3, CAST(NULL AS DOUBLE), temp)"
    table = learning.write("gappy", learning.hours(10, gappy=nothing).drop("temp").withColumnRenamed("gappy", "temp"))
    path = Lake(learning.settings.lake).folder(table)
    bins = {name: read_bins(reference[name]) for name in ("hr", "temp", "workingday")}
    by_files = count_values(learning.spark, path, learning.table("gappy"), bins)
    monkeypatch.setattr("spark_jobs.training.counting._is_plain", lambda spark, path: False)
    by_rows = count_values(learning.spark, path, learning.table("gappy"), bins)
    assert by_files == by_rows
    assert by_rows["temp"][-1] == 10
