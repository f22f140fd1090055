"""Typed partitions: what a job's options say, and the SQL they become."""

from pathlib import Path

import pytest

from landfall.errors import ComputeError, LandfallError, SpecError
from landfall.spec import Partitions
from landfall.spec.reports import Stages
from landfall.spec.table_partitions import TablePartitions
from spark_jobs.lake import Lake
from spark_jobs.tables import stage_rows


def test_a_table_partition_is_a_name_and_a_day() -> None:
    parsed = TablePartitions.parse("features.bike_forecast/dt=2012-12-25")
    assert parsed == TablePartitions("features.bike_forecast", Partitions.parse("2012-12-25"))


def test_several_days_are_ranges_in_order_and_without_repeats() -> None:
    parsed = TablePartitions.parse("a.b/dt=2011-10-02,2011-01-01..2011-01-03,2011-01-02")
    assert str(parsed.partitions) == "2011-01-01..2011-01-03,2011-10-02"


def test_hours_are_compared_as_text_and_days_as_dates() -> None:
    hours = TablePartitions.parse("a.b/dt=2012-12-25T07..2012-12-25T09,2012-12-26T00")
    assert hours.condition == (
        "(dt >= '2012-12-25T07' AND dt <= '2012-12-25T09') OR (dt >= '2012-12-26T00' AND dt <= '2012-12-26T00')"
    )
    assert (
        TablePartitions.parse("a.b/dt=2012-12-25").condition == "(dt >= DATE '2012-12-25' AND dt <= DATE '2012-12-25')"
    )


def test_no_day_is_the_empty_set() -> None:
    assert len(TablePartitions.parse("a.b/dt=").partitions) == 0


@pytest.mark.parametrize("text", ["features.bike_forecast", "/dt=2012-12-25", "", "a.b/day=2012-12-25"])
def test_another_form_is_refused_with_the_form_expected(text: str) -> None:
    with pytest.raises(ComputeError) as refused:
        TablePartitions.parse(text)
    assert str(refused.value) == (f"`{text}` is not a table partition.\n  looked: expected schema.table/dt=YYYY-MM-DD")


@pytest.mark.parametrize("day", ["2012-13-01", "2012-1-1", "yesterday", "2012-12-25'; DROP TABLE x; --"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(SpecError) as refused:
        TablePartitions.parse(f"a.b/dt={day}")
    assert str(refused.value) == (
        f"`{day}` is not a partition.\n  looked: expected a day written YYYY-MM-DD, such as 2012-12-25"
    )


def test_the_condition_has_one_comparison_a_range() -> None:
    assert TablePartitions.parse("a.b/dt=2011-01-01..2011-09-30,2011-10-02").condition == (
        "(dt >= DATE '2011-01-01' AND dt <= DATE '2011-09-30') OR (dt >= DATE '2011-10-02' AND dt <= DATE '2011-10-02')"
    )


def test_days_can_be_taken_out() -> None:
    left = TablePartitions.parse("a.b/dt=2011-01-01..2011-01-03").without(Partitions.parse("2011-01-02,2012-01-01"))
    assert left == TablePartitions.parse("a.b/dt=2011-01-01,2011-01-03")


def test_a_table_lives_in_the_folder_of_its_schema() -> None:
    lake = Lake("s3a://lake")
    assert lake.address("features.bike_forecast") == "s3a://lake/features/bike_forecast"
    assert lake.sql_name("features.bike_forecast") == "delta.`s3a://lake/features/bike_forecast`"


def test_a_table_of_a_catalog_has_three_names() -> None:
    lake = Lake("s3a://lake", "main")
    assert lake.address("features.bike_forecast") == "main.features.bike_forecast"
    assert lake.sql_name("features.bike_forecast") == "`main`.`features`.`bike_forecast`"


def test_a_catalog_with_another_name_is_refused() -> None:
    with pytest.raises(LandfallError) as refused:
        Lake("s3a://lake", "main`.x")
    assert refused.value.what == "`main`.x` is not a catalog."


def test_staging_without_a_database_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANDFALL_DATABASE_URL", raising=False)
    with pytest.raises(LandfallError) as refused:
        stage_rows(None, Stages.parse("2012-12-25=publications_data.x#1"))
    assert str(refused.value) == (
        "The setting `LANDFALL_DATABASE_URL` is missing.\n"
        "  looked: the environment of the Spark job\n"
        "  left: nothing was staged\n"
        "  next: landfall up    (or set the variable to your own server)"
    )


def test_only_tables_py_reads_and_writes() -> None:
    folder = Path(__file__).parents[2] / "spark_jobs"
    writers = {
        path.name
        for path in folder.rglob("*.py")
        if ".write.format(" in path.read_text() or "replaceWhere" in path.read_text()
    }
    assert writers == {"tables.py"}
