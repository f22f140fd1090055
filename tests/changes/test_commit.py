"""One batch is one transaction: on a real Postgres, with events made by hand."""

import json

import psycopg
import pytest

from landfall.changes import standing as learners
from landfall.changes import state as kept
from landfall.changes.batch import commit
from landfall.changes.events import Message
from landfall.changes.online import Online
from landfall.changes.state import Known
from landfall.changes.tables import ensure_tables
from landfall.database import connect
from landfall.errors import StreamError
from landfall.spec.online import OnlineLearner, SourceTable
from landfall.spec.online_algorithms import GaussianBayes
from landfall.streams import state as lines

pytestmark = pytest.mark.stack
DECLARED = OnlineLearner(
    name="commit_test", database="flowers", learns_from=SourceTable(name="train"), features=("a",),
    algorithm=GaussianBayes(), label="kind", classes=("one", "two"), keep_state_every=2,
)  # fmt: skip
TOPIC = "commit_test.public.train"


def message(offset: int, key: int, value: float) -> Message:
    event = {
        "op": "c", "after": {"a": value, "kind": key % 2}, "transaction": {"total_order": 1},
        "source": {"lsn": 100 + offset, "sequence": json.dumps([str(99 + offset), str(100 + offset)]), "ts_ms": 1},
    }  # fmt: skip
    return Message(
        topic=TOPIC, partition=0, offset=offset, key=json.dumps({"id": key}).encode(), value=json.dumps(event).encode()
    )


MESSAGES = [message(at, at, at * 1.5) for at in range(6)]


@pytest.fixture
def conn(stack):
    with connect(stack.settings) as conn:
        ensure_tables(conn, DECLARED)
        yield conn
        for table in ("states", "names", "alarms", "rows", "measures"):
            conn.execute(f"DELETE FROM landfall.learner_{table} WHERE learner = 'commit_test'")
        conn.execute("DELETE FROM landfall.learners WHERE name = 'commit_test'")
        for table in ("stream_batches", "stream_places"):
            conn.execute(f"DELETE FROM landfall.{table} WHERE stream = 'commit_test'")
        conn.execute("DELETE FROM landfall.streams WHERE name = 'commit_test'")
        conn.execute("DROP TABLE changes.commit_test_predictions, changes.commit_test_dead_letters")


def take(conn):
    return lines.take(conn, DECLARED.name, "a test", kind="learner")


def counted(conn, table):
    return conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_batch_commits_everything_and_the_next_start_goes_on(conn):
    online = Online(DECLARED)
    first = commit(conn, online, take(conn), Known(state=online.start()), {}, MESSAGES[:3])
    known = kept.known_of(conn, online)
    assert online.to_json(known.state) == online.to_json(first.known.state)
    assert known.positions == {TOPIC: (101, 102, 1)}
    places = {(TOPIC, 0): lines.places(conn, DECLARED.name, TOPIC)[0].next_offset}
    assert places == {(TOPIC, 0): 3}

    # What was committed comes again, with what is new.
    second = commit(conn, online, take(conn), known, places, MESSAGES)
    whole = online.learnt(online.start(), *arrays(MESSAGES)).state
    assert online.to_json(second.known.state) == online.to_json(whole)
    assert counted(conn, "changes.commit_test_predictions") == 6
    assert [state.number for state in kept.kept_states(conn, DECLARED.name)] == [6, 3]
    assert kept.measures(conn, DECLARED.name)[0].counts == {"learnt": 3}


def arrays(messages):
    import numpy as np

    values = [json.loads(message.value)["after"] for message in messages]
    return np.array([[value["a"]] for value in values]), np.array([float(value["kind"]) for value in values])


def test_of_two_drivers_the_newer_commits(conn):
    online = Online(DECLARED)
    old = take(conn)
    take(conn)
    with pytest.raises(lines.Fenced) as refused:
        commit(conn, online, old, Known(state=online.start()), {}, MESSAGES)
    assert str(refused.value) == (
        "Another process drives the learner `commit_test` by now.\n"
        "  looked: landfall.streams has a newer epoch\n"
        "  left: nothing of this batch was written\n"
        "  next: landfall changes status commit_test"
    )
    assert counted(conn, "changes.commit_test_predictions") == 0


def test_a_batch_that_breaks_off_leaves_nothing(conn):
    online, epoch = Online(DECLARED), take(conn)

    def fails(turn):
        raise psycopg.OperationalError("gone")

    with pytest.raises(Exception, match="could not be written"):
        commit(conn, online, epoch, Known(state=online.start()), {}, MESSAGES, fails)
    assert counted(conn, "changes.commit_test_predictions") == 0
    assert lines.places(conn, DECLARED.name, TOPIC) == {}
    assert kept.known_of(conn, online).state.rows == 0


def test_an_older_state_comes_back_under_a_new_number(conn):
    online = Online(DECLARED)
    lines.want(conn, DECLARED.name, "stopped", "a test", kind="learner")
    commit(conn, online, take(conn), Known(state=online.start()), {}, MESSAGES[:2])
    known = kept.known_of(conn, online)
    commit(conn, online, take(conn), known, {(TOPIC, 0): 2}, MESSAGES[2:])
    conn.execute("UPDATE landfall.streams SET state = 'stopped' WHERE name = 'commit_test'")
    assert learners.restore(conn, DECLARED, 2) == 7
    now = kept.known_of(conn, online)
    assert (now.state.number, now.state.rows) == (7, 2)
    assert now.state.learner["mean"].tolist() == known.state.learner["mean"].tolist()
    with pytest.raises(StreamError, match="There is no kept state of `commit_test` `3`"):
        learners.restore(conn, DECLARED, 3)
    assert learners.reset(conn, DECLARED) == 8
    assert kept.known_of(conn, online).state.rows == 0
    # Both are kept, so that what it knew at a time is never what a reset or a restore has put away.
    assert [state.number for state in kept.kept_states(conn, DECLARED.name)] == [8, 7, 6, 2]
    learners.freeze(conn, DECLARED, "to look at it")
    assert kept.known_of(conn, online).frozen == "to look at it"
    learners.thaw(conn, DECLARED)
    kinds = [alarm.kind for alarm in kept.alarms(conn, DECLARED.name)]
    assert kinds == ["thawed", "frozen", "reset", "restored"]
