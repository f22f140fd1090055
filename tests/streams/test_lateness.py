"""Which rows are late depends on the order of the topic alone, not on the batches in which it is read."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.streams.lateness import NEVER, late_rows

SECOND = 1_000_000
Row = tuple[int, int]
"""Partition, and time in seconds."""


def table(rows: list[Row]) -> pa.Table:
    ordered = sorted(enumerate(rows), key=lambda item: (item[1][0], item[0]))
    return pa.table(
        {
            "_partition": pa.array([row[0] for _, row in ordered], pa.int32()),
            "_offset": pa.array([place for place, _ in ordered], pa.int64()),
            "_time": pa.array([row[1] * SECOND for _, row in ordered], pa.int64()),
        }
    )


def test_a_row_ten_seconds_behind_is_late_and_one_nearer_is_not() -> None:
    late, newest, seen = late_rows(table([(0, 100), (0, 90), (0, 91), (0, 101)]), timedelta(seconds=10), {})
    assert late.tolist() == [False, True, False, False]
    assert newest == {0: datetime(1970, 1, 1, 0, 1, 41, tzinfo=UTC)}
    assert seen.tolist() == [NEVER, 100 * SECOND, 100 * SECOND, 100 * SECOND]


def test_each_partition_has_its_own_newest_time() -> None:
    late, newest, _ = late_rows(table([(0, 1000), (1, 1), (1, 2), (0, 1)]), timedelta(seconds=10), {})
    assert late.tolist() == [False, True, False, False]
    assert sorted(newest) == [0, 1]


def test_what_was_seen_before_counts() -> None:
    before = {0: datetime(1970, 1, 1, 0, 1, 40, tzinfo=UTC), 1: None}
    late, newest, _ = late_rows(table([(0, 90), (1, 90)]), timedelta(seconds=10), before)
    assert late.tolist() == [True, False]
    assert newest[0] == before[0]


def test_no_rows_are_no_problem() -> None:
    late, newest, seen = late_rows(table([]), timedelta(seconds=10), {})
    assert (late.tolist(), newest, seen.tolist()) == ([], {}, [])


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(-50, 50)), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    lateness=st.integers(0, 20),
)
def test_the_batches_in_which_rows_are_read_play_no_part(rows: list[Row], cuts: list[int], lateness: int) -> None:
    width = timedelta(seconds=lateness)
    whole, last, _ = late_rows(table(rows), width, {})
    expected = dict(zip(zip(*_places(table(rows)), strict=True), whole.tolist(), strict=True))
    got: dict[tuple[int, int], bool] = {}
    newest: dict[int, datetime] = {}
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
        batch = table(rows[begin:end])
        late, seen, _ = late_rows(batch, width, newest)
        newest = {**newest, **seen}
        shifted = [(p, o + begin) for p, o in zip(*_places(batch), strict=True)]
        got |= dict(zip(shifted, late.tolist(), strict=True))
    assert got == expected
    assert newest == last


def _places(rows: pa.Table) -> tuple[list[int], list[int]]:
    return rows.column("_partition").to_pylist(), rows.column("_offset").to_pylist()


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_time_of_any_year_can_be_the_newest(year: int) -> None:
    moment = datetime(year, 1, 2, tzinfo=UTC)
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    rows = pa.table({"_partition": [0], "_offset": [0], "_time": np.array([micros])})
    _, newest, _ = late_rows(rows, timedelta(seconds=1), {})
    assert newest == {0: moment}
