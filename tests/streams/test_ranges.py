"""Which offsets the next batch reads."""

from hypothesis import given
from hypothesis import strategies as st

from landfall.streams.driver import Seen
from landfall.streams.scoring_session import bounded


def test_a_batch_begins_where_the_stream_has_got_to() -> None:
    assert bounded({0: (0, 10), 1: (5, 9)}, {0: 4}, 100) == {0: (4, 10), 1: (5, 9)}


def test_partitions_share_what_a_batch_may_have_and_small_ones_leave_their_share() -> None:
    assert bounded({0: (0, 2), 1: (0, 1000)}, {}, 100) == {0: (0, 2), 1: (0, 98)}


def test_a_partition_without_messages_is_left_out() -> None:
    assert bounded({0: (0, 3), 1: (7, 7)}, {0: 3}, 100) == {}


def test_messages_that_are_gone_are_skipped_and_counted_as_lost() -> None:
    seen = Seen(ends={0: (50, 60)}, next_offsets={0: 20})
    assert bounded(seen.ends, seen.next_offsets, 100) == {0: (50, 60)}
    assert (seen.lost, seen.lag) == (30, 10)


def test_a_topic_that_was_made_anew_and_is_shorter_gives_nothing() -> None:
    assert bounded({0: (0, 3)}, {0: 20}, 100) == {}


@given(
    ends=st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 50), st.integers(0, 200)).map(sorted).map(tuple)),
    read=st.dictionaries(st.integers(0, 5), st.integers(0, 220)),
    most=st.integers(1, 300),
)
def test_a_batch_never_exceeds_its_limit_and_stops_only_at_it(
    ends: dict[int, tuple[int, int]], read: dict[int, int], most: int
) -> None:
    ranges = bounded(ends, read, most)
    taken = sum(after - first for first, after in ranges.values())
    waiting = sum(max(0, end - max(first, min(read.get(at, first), end))) for at, (first, end) in ends.items())
    assert taken == min(most, waiting)
    assert all(ends[at][0] <= first < after <= ends[at][1] for at, (first, after) in ranges.items())
