"""What each kind of change event means for a learner, by events made by hand as Debezium 3 writes them."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.changes.batch import fresh, moves
from landfall.changes.events import UNAVAILABLE, Message, Unreadable, change_of
from landfall.changes.memory import Memory
from landfall.changes.online import Online
from landfall.changes.turn import Reader
from landfall.spec.online import OnlineLearner, SourceTable
from landfall.spec.online_algorithms import GaussianBayes

DECLARED = OnlineLearner(
    name="flowers", database="flowers", learns_from=SourceTable(name="train"), answers_for=SourceTable(name="test"),
    features=("a", "b"), algorithm=GaussianBayes(), label="kind", classes=("one", "two"),
)  # fmt: skip
TRAIN, TEST = "flowers.public.train", "flowers.public.test"


class Source:
    """Writes events as the connector does: each change in a transaction of its own unless `same` is true."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.committed: int | None = None
        self.lsn, self.order = 1000, 0

    def event(self, op, key, after=None, before=None, *, topic=TRAIN, same=False, headers=None, **changes):
        if not same:
            self.committed, self.order = (self.lsn if self.order else None), 0
        self.lsn += 10
        self.order += 1
        source = {
            "ts_ms": 1_700_000_000_000, "lsn": self.lsn, "snapshot": "true" if op == "r" else "false",
            "sequence": json.dumps([None if self.committed is None else str(self.committed), str(self.lsn)]),
        }  # fmt: skip
        value = {"op": op, "before": before, "after": after, "source": source, "ts_ms": 1_700_000_000_100}
        value["transaction"] = None if op == "r" else {"id": "7:1", "total_order": self.order}
        return self.message({"id": key}, {**value, **changes}, topic=topic, headers=headers)

    def message(self, key, value, *, topic=TRAIN, headers=None):
        offset = self.offsets[topic] = self.offsets.get(topic, -1) + 1
        key = None if key is None else json.dumps(key).encode()
        value = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        return Message(topic=topic, partition=0, offset=offset, key=key, value=value, headers=headers or {})


def row(a=1.0, b=2.0, kind=0, **more):
    return {"id": 1, "a": a, "b": b, "kind": kind, **more}


def read(*messages, declared=DECLARED, frozen=False, memory=None, turn=None):
    online = Online(declared)
    state, positions = (turn.state, turn.positions) if turn else (online.start(), {})
    memory = Memory({}) if memory is None else memory
    return Reader(online, frozen=frozen).read(state, positions, memory, messages)


def again(message, offset):
    """The same event, sent once more."""
    return Message(
        topic=message.topic, partition=0, offset=offset, key=message.key, value=message.value, headers=message.headers
    )


@pytest.fixture
def source():
    return Source()


# --- inserts and snapshots --------------------------------------------------------------------------------------------


def test_an_insert_is_answered_and_then_learnt(source):
    turn = read(source.event("c", 1, row()), source.event("c", 2, row(a=9, kind=1)))
    assert turn.counts == {"learnt": 2}
    assert [(one.answer, one.label, one.actual, one.state) for one in turn.predictions] == [
        (None, None, 0.0, 0), (0.0, "one", 1.0, 1),
    ]  # fmt: skip
    assert turn.state.rows == 2
    assert turn.state.error.error == 1.0


def test_a_row_of_the_other_table_is_answered_for_and_not_learnt(source):
    turn = read(source.event("c", 1, row()), source.event("c", 5, {"id": 5, "a": 1, "b": 2}, topic=TEST))
    assert turn.counts == {"learnt": 1, "answered": 1}
    assert (turn.predictions[1].label, turn.predictions[1].rows_learnt, turn.predictions[1].state) == ("one", 1, 1)


def test_the_same_values_under_a_new_key_are_a_new_event(source):
    assert read(source.event("c", 1, row()), source.event("c", 2, row())).state.rows == 2


def test_rows_of_a_snapshot_are_learnt_once_however_often_it_is_taken(source):
    memory = Memory({})
    first = read(source.event("r", 1, row()), source.event("r", 2, row(a=5)), memory=memory)
    assert first.counts == {"learnt": 2}
    rebuilt = read(
        source.event("r", 1, row()), source.event("r", 2, row(a=5)), source.event("r", 3, row(a=7)),
        memory=memory, turn=first,
    )  # fmt: skip
    assert rebuilt.counts == {"double": 2, "learnt": 1}
    assert rebuilt.state.rows == 3


def test_a_row_without_a_label_is_answered_for(source):
    turn = read(source.event("c", 1, row(kind=None)))
    assert turn.state.error.count == 0
    assert turn.predictions[0].actual is None


# --- doubles ----------------------------------------------------------------------------------------------------------


def test_an_event_that_is_sent_again_is_a_double(source):
    one, two = source.event("c", 1, row()), source.event("c", 2, row(a=4))
    turn = read(one, two, again(one, 2), again(two, 3))
    assert turn.counts == {"learnt": 2, "double": 2}
    assert read(again(two, 4), turn=turn).counts == {"double": 1}  # by its place in the log: nothing is remembered here


def test_rows_of_one_copy_share_their_place_in_the_log_and_are_no_doubles(source):
    messages = [source.event("c", 1, row()), source.event("c", 2, row(), same=True)]
    same = json.loads(messages[0].value)["source"]
    value = {**json.loads(messages[1].value), "source": same}
    turn = read(messages[0], Message(**{**vars(messages[1]), "value": json.dumps(value).encode()}))
    assert turn.counts == {"learnt": 2}


def test_a_transaction_that_began_earlier_and_ended_later_is_no_double(source):
    late = source.event("c", 1, row())
    value = json.loads(late.value)
    value["source"] |= {"lsn": 1_500, "sequence": '["2000", "1500"]'}
    value["transaction"]["total_order"] = 1
    early = source.event("c", 2, row(a=3), same=True)
    first = json.loads(early.value)
    first["source"] |= {"lsn": 1_900, "sequence": '["1000", "1900"]'}
    turn = read(
        Message(topic=TRAIN, partition=0, offset=0, key=b'{"id":2}', value=json.dumps(first).encode()),
        Message(topic=TRAIN, partition=0, offset=1, key=b'{"id":1}', value=json.dumps(value).encode()),
    )
    assert turn.counts == {"learnt": 2}


def test_the_first_transaction_after_a_new_snapshot_is_no_double(source):
    turn = read(source.event("c", 1, row()), source.event("c", 2, row(a=3)))
    source.lsn, source.order = 5000, 0
    assert read(source.event("c", 3, row(a=8)), turn=turn).counts == {"learnt": 1}


def test_what_a_batch_has_committed_is_left_out_and_the_rest_is_in_order(source):
    messages = [source.event("c", key, row(a=key)) for key in range(4)]
    unread = fresh([messages[3], messages[1], messages[2], messages[2]], {(TRAIN, 0): 2})
    assert [message.offset for message in unread] == [2, 3]
    [move] = moves(unread, {(TRAIN, 0): 2})
    assert (move.first, move.after, move.before) == (2, 4, 2)


# --- updates, deletes, truncate ---------------------------------------------------------------------------------------


def test_an_update_is_a_further_row(source):
    turn = read(source.event("c", 1, row()), source.event("u", 1, row(a=7)))
    assert turn.counts == {"learnt": 2}


def test_an_update_can_be_left_alone(source):
    declared = OnlineLearner(**{**vars(DECLARED), "updates": "ignore"})
    turn = read(source.event("c", 1, row()), source.event("u", 1, row(a=7)), declared=declared)
    assert turn.counts == {"learnt": 1, "not unlearnt": 1}


def test_an_update_of_a_column_that_is_not_read_is_no_news(source):
    turn = read(source.event("c", 1, row(note="x")), source.event("u", 1, row(note="y")))
    assert turn.counts == {"learnt": 1, "skipped": 1}


def test_an_update_of_a_row_that_was_answered_for_is_answered_again(source):
    fields = {"id": 1, "a": 1, "b": 2}
    turn = read(
        source.event("c", 1, fields, topic=TEST), source.event("u", 1, {**fields, "a": 3}, topic=TEST),
    )  # fmt: skip
    assert turn.counts == {"answered": 2}


def test_a_delete_cannot_be_unlearnt_and_says_so(source):
    turn = read(source.event("c", 1, row()), source.event("d", 1, before=row()), source.message({"id": 1}, None))
    assert turn.counts == {"not unlearnt": 1, "learnt": 1, "skipped": 1}
    assert turn.state.rows == 1


def test_a_key_that_comes_again_after_a_delete_is_another_row(source):
    turn = read(source.event("c", 1, row()), source.event("d", 1, before=row()), source.event("c", 1, row()))
    assert turn.state.rows == 2


def test_a_truncate_forgets_which_rows_were_used_and_unlearns_nothing(source):
    memory = Memory({(TRAIN, '{"id":9}'): "x", (TEST, '{"id":9}'): "y"})
    turn = read(source.event("c", 1, row()), source.event("t", None), source.event("c", 1, row()), memory=memory)
    assert turn.counts == {"learnt": 2, "not unlearnt": 1}
    assert memory.forgotten_topics == [TRAIN]
    assert (memory.of(TRAIN, '{"id":9}'), memory.of(TEST, '{"id":9}')) == (None, "y")
    assert list(memory.changed) == [(TRAIN, '{"id":1}')]


def test_a_changed_key_is_the_same_row(source):
    turn = read(
        source.event("c", 1, row()),
        source.event("d", 1, before=row(), headers={"__debezium.newkey": '{"id": 2}'}),
        source.message({"id": 1}, None),
        source.event("c", 2, row(), headers={"__debezium.oldkey": '{"id": 1}'}, same=True),
    )
    assert turn.counts == {"learnt": 1, "skipped": 2, "double": 1}


def test_a_changed_key_with_other_values_is_an_update(source):
    turn = read(
        source.event("c", 1, row()),
        source.event("d", 1, before=row(), headers={"__debezium.newkey": '{"id": 2}'}),
        source.event("c", 2, row(a=8), headers={"__debezium.oldkey": '{"id": 1}'}, same=True),
    )
    assert turn.state.rows == 2


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_toasted_value_is_taken_from_before_or_is_a_dead_letter(source):
    turn = read(
        source.event("u", 1, row(a=UNAVAILABLE), before=row(a=6)),
        source.event("u", 2, row(a=UNAVAILABLE)),
        source.event("u", 3, row(note=UNAVAILABLE)),
    )
    assert turn.counts == {"learnt": 2, "dead": 1}
    assert turn.dead[0].reason == (
        "column `a` was not sent, as it is TOASTed and did not change (REPLICA IDENTITY FULL sends it)"
    )
    assert turn.state.learner["mean"][0][0] == 3.5


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"a": None}, "column `a` is null"),
        ({"a": "NaN"}, "column `a` is 'NaN', not a number"),
        ({"a": "1_000"}, "column `a` is '1_000', not a number"),
        ({"a": "1e999"}, "column `a` is inf, not a finite number"),
        ({"a": [1]}, "column `a` is '[1]', not a number"),
        ({"a": "AfQ="}, "column `a` is 'AfQ=', not a number (a decimal needs decimal.handling.mode=string)"),
        ({"kind": 2}, "column `kind` is 2, not a class from 0 to 1"),
        ({"kind": 0.5}, "column `kind` is 0.5, not a class from 0 to 1"),
    ],
)
def test_a_value_that_is_no_number_is_a_dead_letter(source, fields, reason):
    turn = read(source.event("c", 1, row(**fields)))
    assert (turn.counts, turn.dead[0].reason) == ({"dead": 1}, reason)


def test_decimals_come_as_text_and_booleans_count_as_numbers(source):
    turn = read(source.event("c", 1, row(a="12.50", b=True)))
    assert turn.state.learner["mean"][0].tolist() == [12.5, 1.0]


def test_a_schema_change_passes_as_long_as_the_columns_that_are_read_are_there(source):
    fields = row()
    del fields["b"]
    turn = read(source.event("c", 1, row(new="column")), source.event("c", 2, fields), source.event("c", 3, row()))
    assert turn.counts == {"learnt": 2, "dead": 1}
    assert turn.dead[0].reason == "column `b` is missing"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "the value is no JSON"),
        (b"[1]", "the value is no JSON object"),
        ({"op": "m", "source": {}}, "not a change event of Debezium (no `op` that is known, or no `source`)"),
        ({"op": "c", "source": {}, "after": {"a": 1}}, "no `source.lsn`: the source is no PostgreSQL"),
        ({"op": "c", "source": {"lsn": 1}}, "an event of kind `insert` without the row after it"),
        (
            {"op": "c", "source": {"lsn": 1}, "after": {"a": 1}},
            "no `transaction.total_order` (the connector needs provide.transaction.metadata=true)",
        ),
        (
            {"op": "c", "source": {"lsn": 1, "sequence": "x"}, "after": {"a": 1}, "transaction": {"total_order": 1}},
            "`source.sequence` is 'x'",
        ),
    ],
)
def test_what_is_no_event_says_why(source, value, reason):
    with pytest.raises(Unreadable) as refused:
        change_of(source.message({"id": 1}, value))
    assert str(refused.value) == reason
    assert read(source.message({"id": 1}, value)).counts == {"dead": 1}


def test_events_with_their_schemas_are_read_too(source):
    event = json.loads(source.event("c", 1, row()).value)
    message = source.message({"schema": {}, "payload": {"id": 1}}, {"schema": {}, "payload": event})
    assert change_of(message).key == '{"id":1}'
    assert read(message).counts == {"learnt": 1}


def test_a_table_without_a_key_is_learnt_without_memory(source):
    value = json.loads(source.event("c", 1, row()).value)
    memory = Memory({})
    assert read(source.message(None, value), memory=memory).counts == {"learnt": 1}
    assert memory.changed == {}


# --- frozen, and batches ----------------------------------------------------------------------------------------------


def test_a_frozen_learner_answers_and_learns_nothing(source):
    turn = read(source.event("c", 1, row()))
    frozen = read(source.event("c", 2, row(a=4)), turn=turn, frozen=True)
    assert frozen.counts == {"answered": 1}
    assert (frozen.state.rows, frozen.predictions[0].rows_learnt) == (1, 1)
    assert frozen.state.error.count == turn.state.error.count + 1


CHANGES = st.lists(
    st.tuples(st.sampled_from("ccccuudt"), st.integers(1, 5), st.integers(0, 3), st.booleans()), max_size=25
)


@settings(max_examples=30, deadline=None)
@given(changes=CHANGES, cuts=st.lists(st.integers(0, 40), max_size=6), doubles=st.lists(st.integers(0, 24), max_size=4))
def test_batches_and_events_that_are_sent_again_change_nothing(changes, cuts, doubles):
    source, sent = Source(), []
    for op, key, value, same in changes:
        fields = row(a=value, kind=value % 2)
        sent.append(source.event(op, key, fields if op in "cu" else None, fields if op == "d" else None, same=same))
    once, memory = Online(DECLARED), Memory({})
    whole = read(*sent, memory=memory)
    # A crash: some of the last events come once more, after all others.
    more = [again(sent[at], len(sent) + place) for place, at in enumerate(sorted(doubles)) if at < len(sent)]
    turn, known, answers = None, Memory({}), 0
    everything = [*sent, *more]
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(everything)], strict=True):
        turn = read(*everything[begin:end], memory=known, turn=turn)
        answers += len(turn.predictions)
    assert once.to_json(turn.state) == once.to_json(whole.state)
    assert answers == len(whole.predictions)
    assert turn.positions == whole.positions
    assert {at: of for at, of in known.changed.items() if of} == {at: of for at, of in memory.changed.items() if of}
    np.testing.assert_array_equal(turn.state.learner["mean"], whole.state.learner["mean"])
