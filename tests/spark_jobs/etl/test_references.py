"""Checks between rows and between feeds: unique columns, and values that another feed's table must have."""

from dataclasses import replace
from typing import Any

import pytest

from landfall.errors import ComputeError
from landfall.spec import Column, Contract, Csv, References

DAY, OTHER = "2012-06-01", "2012-06-02"
STATIONS = Contract(
    columns=(Column(name="id", type="int"), Column(name="plate", type="string", unique=True, nullable=True)),
    key=("id",),
    partition_by="",
    max_bad_share=0.9,
)


def trips(table: str, *, same_partition: bool = False, column: str = "id") -> Contract:
    to = References(table=table, column=column, same_partition=same_partition)
    station = Column(name="station", type="bigint", references=to, nullable=True)
    return replace(STATIONS, columns=(STATIONS.columns[0], station))


@pytest.fixture(scope="module")
def stations(corner_of: Any) -> Any:
    """Station 1 on the first day, station 2 on the second."""
    corner = corner_of(STATIONS, Csv())
    corner.land(DAY, b"id,plate\n1,A\n")
    corner.land(OTHER, b"id,plate\n2,B\n")
    corner.run(f"{DAY},{OTHER}")
    return corner


def test_of_rows_with_one_value_of_a_unique_column_the_first_is_kept(corner_of: Any) -> None:
    corner = corner_of(STATIONS, Csv())
    corner.land(DAY, b"id,plate\n1,A\n2,A\n2,B\n3,\n4,\n5, A \n2,C\n")
    corner.land(OTHER, b"id,plate\n9,A\n")
    assert corner.run(f"{DAY},{OTHER}")["partitions"] == {DAY: (3, 4), OTHER: (1, 0)}
    assert corner.rows("features", "id") == [(1,), (3,), (4,), (9,)]
    twice = ["id is there twice (2)", "id is there twice (2)", "plate is there twice (A)", "plate is there twice (A)"]
    assert corner.reasons() == {DAY: twice}


@pytest.mark.parametrize(("same_partition", "missing"), [(False, [3, 4]), (True, [2, 3, 4])])
def test_a_value_must_be_in_the_table_that_it_refers_to(
    corner_of: Any, stations: Any, same_partition: bool, missing: list[int]
) -> None:
    corner = corner_of(trips(stations.features, same_partition=same_partition), Csv())
    corner.land(DAY, b"id,station\n1,1\n2,2\n3,3\n4,x\n5,\n")
    assert corner.run(DAY)["partitions"] == {DAY: (5 - len(missing), len(missing))}
    bad = {2: "is not in the table (2)", 3: "is not in the table (3)", 4: "is not a whole number (x)"}
    texts = [f"station {bad[n]}".replace("the table", f"{stations.features}.id") for n in missing]
    assert corner.reasons() == {DAY: sorted(texts)}


def test_a_table_that_does_not_exist_is_named(corner_of: Any) -> None:
    corner = corner_of(trips("nowhere.stations"), Csv())
    corner.land(DAY, b"id,station\n1,1\n")
    with pytest.raises(ComputeError) as refused:
        corner.run(DAY)
    assert refused.value.what == "The table `nowhere.stations` does not exist."


def test_a_column_that_the_table_lacks_is_named(corner_of: Any, stations: Any) -> None:
    corner = corner_of(trips(stations.features, column="number"), Csv())
    corner.land(DAY, b"id,station\n1,1\n")
    with pytest.raises(ComputeError) as refused:
        corner.run(DAY)
    assert str(refused.value) == (
        f"The table `{stations.features}` has no column `number`, which column `station` refers to.\n"
        "  looked: its columns: id, plate, source, dt\n"
        "  left: nothing was written\n"
        "  next: correct Column.references in the contract"
    )
