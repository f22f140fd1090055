"""What a learner knew at a time: on a real Postgres."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from landfall.changes import state as kept
from landfall.changes.online import Online
from landfall.changes.past import past
from landfall.database import connect
from landfall.errors import StreamError
from landfall.spec.online import OnlineLearner, SourceTable
from landfall.spec.online_algorithms import GaussianBayes
from landfall.streams import state as lines

pytestmark = pytest.mark.stack
NAME = "past_test"
ONLINE = Online(
    OnlineLearner(
        name=NAME, database="flowers", learns_from=SourceTable(name="train"), features=("a",),
        algorithm=GaussianBayes(), label="kind", classes=("one", "two"),
    )
)  # fmt: skip
START = datetime(2015, 1, 20, 12, tzinfo=UTC)
EMPTY = ONLINE.start()


def at(minute):
    return START + timedelta(minutes=minute)


@pytest.fixture
def conn(stack):
    with connect(stack.settings) as conn:
        lines.want(conn, NAME, "stopped", "a test", kind="learner")
        kept.write(conn, ONLINE, EMPTY, {})  # now, which is after each of the times below
        yield conn
        for table in ("states", "measures"):
            conn.execute(f"DELETE FROM landfall.learner_{table} WHERE learner = %s", [NAME])
        conn.execute("DELETE FROM landfall.learners WHERE name = %s", [NAME])
        conn.execute("DELETE FROM landfall.streams WHERE name = %s", [NAME])


def keep(conn, minute, number, rows):
    """A state that was kept."""
    values = [NAME, number, rows, ONLINE.to_json(EMPTY), at(minute)]
    conn.execute(
        "INSERT INTO landfall.learner_states (learner, number, rows, state, kept_at) VALUES (%s, %s, %s, %s, %s)",
        values,
    )


def batch(conn, minute, batch, number, rows):
    """What a batch measured."""
    values = [NAME, batch, number, rows, at(minute)]
    conn.execute(
        "INSERT INTO landfall.learner_measures (learner, batch, number, rows, measured, counts, at)"
        " VALUES (%s, %s, %s, %s, 0, '{}', %s)",
        values,
    )


def knew(conn, minute):
    found = past(conn, NAME, at(minute))
    return found.number, found.rows, found.later_number, found.later_rows


def test_the_newest_state_that_was_kept_by_then_is_found_and_how_far_the_learner_was(conn):
    keep(conn, 0, 2, 2)
    batch(conn, 0, 1, 2, 2)
    batch(conn, 5, 2, 3, 4)
    keep(conn, 10, 4, 6)
    batch(conn, 10, 3, 4, 6)

    assert [knew(conn, minute) for minute in (0, 4, 5, 9, 10, 11)] == [
        (2, 2, 2, 2), (2, 2, 2, 2), (2, 2, 3, 4), (2, 2, 3, 4), (4, 6, 4, 6), (4, 6, 4, 6),
    ]  # fmt: skip
    assert past(conn, NAME, at(4)).exact
    assert not past(conn, NAME, at(5)).exact
    assert past(conn, NAME, at(4)).content == json.loads(ONLINE.to_json(EMPTY))


def test_the_present_state_is_found_from_when_it_was_written(conn):
    keep(conn, 0, 2, 2)
    conn.execute("UPDATE landfall.learners SET number = 7, rows = 9, changed_at = %s WHERE name = %s", [at(20), NAME])

    assert knew(conn, 19) == (2, 2, 2, 2)
    assert knew(conn, 20) == (7, 9, 7, 9)


def test_a_time_before_the_first_state_is_refused(conn):
    with pytest.raises(StreamError) as never:
        past(conn, NAME, at(0))
    keep(conn, 1, 2, 2)
    with pytest.raises(StreamError) as before:
        past(conn, NAME, at(0))

    assert str(never.value) == (
        "What the learner `past_test` knew at 2015-01-20 12:00:00 UTC is not known.\n"
        "  looked: landfall.learner_states: no state of it was kept\n"
        "  next: landfall changes state past_test"
    )
    assert "its oldest state was kept at 2015-01-20 12:01:00 UTC" in str(before.value)
