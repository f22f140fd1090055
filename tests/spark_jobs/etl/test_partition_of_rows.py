"""How rows say their partition: by a date and an hour, by a moment in the landing's zone, or by the folder they lie in."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from landfall.spec import Column, Contract, Csv, JsonLines

BY_HOUR = Contract(
    columns=(Column(name="day", type="date"), Column(name="hr", type="int"), Column(name="x", type="int")),
    key=("day", "hr"),
    partition_by="day",
    partition_hour="hr",
    max_bad_share=0.9,
)
BY_MOMENT = Contract(
    columns=(Column(name="at", type="timestamp"), Column(name="x", type="int")),
    key=("at",),
    partition_by="at",
    max_bad_share=0.9,
)


def test_an_hour_is_said_by_a_date_and_an_hour(corner_of: Any) -> None:
    corner = corner_of(BY_HOUR, Csv(), hourly=True)
    corner.land("2012-06-01/hr=07", b"day,hr,x\n2012-06-01,7,1\n2012-06-01,8,2\n2012-06-02,7,3\n")
    corner.land("2012-06-01/hr=08", b"day,hr,x\n2012-06-01,8,4\n")
    report = corner.run("2012-06-01T07..2012-06-01T08")
    assert report["partitions"] == {"2012-06-01T07": (1, 2), "2012-06-01T08": (1, 0)}
    assert corner.rows("features", "dt", "x") == [("2012-06-01T07", 1), ("2012-06-01T08", 4)]
    what = "day, hr are not the partition's hour"
    assert corner.reasons() == {"2012-06-01T07": [f"{what} (2012-06-01, 8)", f"{what} (2012-06-02, 7)"]}


def test_a_rerun_of_one_hour_leaves_the_others_alone(corner_of: Any) -> None:
    corner = corner_of(BY_HOUR, Csv(), hourly=True)
    for hour in ("07", "08"):
        corner.land(f"2012-06-01/hr={hour}", f"day,hr,x\n2012-06-01,{hour},1\n".encode())
    corner.run("2012-06-01T07..2012-06-01T08")
    corner.land("2012-06-01/hr=08", b"day,hr,x\n2012-06-01,8,2\n")
    corner.run("2012-06-01T08")
    assert corner.rows("features", "dt", "x") == [("2012-06-01T07", 1), ("2012-06-01T08", 2)]
    assert corner.run("2012-06-01T07..2012-06-01T08", "--days", "missing")["rows"] == 0


@pytest.mark.parametrize("hourly", [True, False], ids=["hours", "days"])
def test_a_moment_lies_in_the_partition_of_the_landings_zone(corner_of: Any, hourly: bool) -> None:
    """The hour that comes twice in autumn is one partition of two hours."""
    corner = corner_of(BY_MOMENT, JsonLines(), hourly=hourly, timezone="Europe/Berlin")
    partition, folder = ("2026-10-25T02", "2026-10-25/hr=02") if hourly else ("2026-10-25", "2026-10-25")
    moments = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:59:59+01:00", "2026-10-24T21:59:59Z"]
    corner.land(folder, "".join(f'{{"at": "{at}", "x": {n}}}\n' for n, at in enumerate(moments)).encode(), "a.jsonl")
    assert corner.run(partition)["partitions"] == {partition: (3, 1)}
    dt = partition if hourly else date(2026, 10, 25)
    assert corner.rows("features", "dt", "x") == [(dt, 0), (dt, 1), (dt, 2)]
    assert corner.reasons() == {partition: ["at is not in the partition (2026-10-24T21:59:59Z)"]}


def test_rows_that_say_no_partition_belong_to_their_folder(corner_of: Any) -> None:
    corner = corner_of(replace(BY_MOMENT, partition_by=""), Csv(), hourly=True)
    corner.land("2012-06-01/hr=07", b"at,x\n1999-01-01T00:00Z,1\n")
    assert corner.run("2012-06-01T07")["partitions"] == {"2012-06-01T07": (1, 0)}
    assert corner.rows("features", "dt", "x") == [("2012-06-01T07", 1)]


def test_a_broken_file_refuses_its_own_hour_only(corner_of: Any) -> None:
    corner = corner_of(BY_HOUR, Csv(), hourly=True)
    corner.land("2012-06-01/hr=07", b"day,hr\n")
    corner.land("2012-06-01/hr=08", b"day,hr,x\n2012-06-01,8,4\n")
    report = corner.run("2012-06-01T07..2012-06-01T09", "--days", "usable")
    assert report["partitions"] == {"2012-06-01T08": (1, 0)}
    what = f"The landed object `{corner.landed}/dt=2012-06-01/hr=07/hours.csv` has no column `x`."
    assert {verdict["partition"]: verdict["reasons"]["file"][1] for verdict in report["refused"]} == {
        "2012-06-01T07": what,
        "2012-06-01T09": "There is no row in what landed.",
    }
