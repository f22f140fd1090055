"""One batch's transaction: state, offsets, answers, dead letters, memory and measures, all or nothing.

The epoch is that of a stream (`landfall.streams.offsets`): of two drivers of a learner one commits. What a batch commits is
computed before it, from what the last one committed. So a restart at any moment goes on from a whole batch.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import sql

from landfall.changes import state as kept
from landfall.changes.events import Message, Unreadable, change_of
from landfall.changes.memory import Place
from landfall.changes.online import Online
from landfall.changes.state import Known
from landfall.changes.turn import DEAD, Reader, Turn
from landfall.database import Database, explained
from landfall.publishing.schema import qualified
from landfall.streams.offsets import Done, Move, begin, record

Places = Mapping[tuple[str, int], int]
"""Topic and partition -> the next offset that is not committed."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What a batch has committed: its number, what it knows now, and where each partition goes on."""

    number: int
    known: Known
    places: Places
    turn: Turn


def named_rows(messages: Sequence[Message]) -> list[Place]:
    """The rows that messages name, by topic and key: a batch asks what is remembered of them."""
    places: list[Place] = []
    for message in messages:
        try:
            change = change_of(message)
        except Unreadable:
            continue
        places += [(message.topic, key) for key in (change.key, change.key_becomes, change.key_was) if key]
    return places


def moves(messages: Sequence[Message], places: Places) -> list[Move]:
    """The ranges of offsets that messages stand for. Offsets between them were no messages, such as marks of transactions."""
    ranges: dict[tuple[str, int], tuple[int, int]] = {}
    for message in messages:
        at = (message.topic, message.partition)
        first, after = ranges.get(at, (message.offset, message.offset + 1))
        ranges[at] = (min(first, message.offset), max(after, message.offset + 1))
    return [
        Move(topic=topic, partition=partition, first=first, after=after, before=places.get((topic, partition)))
        for (topic, partition), (first, after) in sorted(ranges.items())
    ]


def fresh(messages: Sequence[Message], places: Places) -> list[Message]:
    """The messages that no batch has committed, in the order of their offsets, each once."""
    unread = {
        (message.topic, message.partition, message.offset): message
        for message in messages
        if message.offset >= places.get((message.topic, message.partition), 0)
    }
    return [unread[place] for place in sorted(unread)]


def commit(
    conn: Database,
    online: Online,
    epoch: int,
    known: Known,
    places: Places,
    messages: Sequence[Message],
    send: Callable[[Turn], None] = lambda turn: None,
) -> Committed | None:
    """Learns, answers, and commits; None if no message is new.

    Args:
        conn: The database of the predictions.
        online: The learner.
        epoch: The epoch of this driver.
        known: What the last batch committed.
        places: Where each partition goes on.
        messages: What was read. What a batch has committed already is left out.
        send: Gets what the batch gave, just before it is committed.

    Raises:
        Fenced: another driver has taken the learner. Nothing was written.
        StreamError: the batch does not begin where the learner has got to. Nothing was written.
        PublishingError: the database refuses.
    """
    declared, began = online.declared, datetime.now(UTC)
    messages = fresh(messages, places)
    if not messages:
        return None
    with explained(conn, f"A batch of the learner `{declared.name}` could not be written."), conn.transaction():
        ranges = moves(messages, places)
        number = begin(conn, declared.name, epoch, ranges, kind="learner")
        memory = kept.remembered(conn, declared.name, named_rows(messages))
        turn = Reader(online, frozen=bool(known.frozen)).read(known.state, known.positions, memory, messages)
        kept.write(conn, online, turn.state, turn.positions)
        kept.remember(conn, declared.name, memory)
        _write_answers(conn, online, turn)
        _note(conn, online, known, turn)
        kept.measure(conn, declared.name, number, turn.state, turn.counts)
        done = Done(
            number=number, rows=len(messages), late=0, dead=turn.counts.get(DEAD, 0), lost=0,
            seconds=(datetime.now(UTC) - began).total_seconds(), delay_seconds=_delay(turn),
            model_version=str(turn.state.number),
        )  # fmt: skip
        record(conn, declared.name, epoch, ranges, done)
        send(turn)
    after = {**places, **{(move.topic, move.partition): move.after for move in ranges}}
    now = Known(state=turn.state, positions=turn.positions, frozen=known.frozen)
    return Committed(number=number, known=now, places=after, turn=turn)


def _note(conn: Database, online: Online, known: Known, turn: Turn) -> None:
    """Writes down alarms and new labels, and keeps the state if it is time to."""
    name, every = online.declared.name, online.declared.keep_state_every
    for state, names in turn.renamed:
        kept.note_names(conn, name, state, names)
    for state in turn.alarms:
        then = online.declared.drift.then if online.declared.drift else "nothing"
        kept.note(conn, name, state, "drift", f"the error has risen; then: {then}")
    if turn.state.rows // every > known.state.rows // every:
        kept.keep(conn, online, turn.state)


def _delay(turn: Turn) -> float | None:
    """The median time from a change's commit in the source to now, of the rows that were answered for."""
    now = datetime.now(UTC).timestamp()
    delays = sorted(now - prediction.changed_at / 1000 for prediction in turn.predictions if prediction.changed_at)
    return delays[len(delays) // 2] if delays else None


def _write_answers(conn: Database, online: Online, turn: Turn) -> None:
    declared = online.declared
    answers = [
        (one.topic, one.partition, one.offset, one.key, one.answer, one.label, one.actual, one.state, one.rows_learnt,
         datetime.fromtimestamp(one.changed_at / 1000, UTC) if one.changed_at else None)
        for one in turn.predictions
    ]  # fmt: skip
    letters = [
        (letter.message.topic, letter.message.partition, letter.message.offset, letter.reason,
         _text(letter.message.key), _text(letter.message.value))
        for letter in turn.dead
    ]  # fmt: skip
    names = ("topic", "partition", "offset", "key", "answer", "label", "actual", "state", "rows_learnt", "changed_at")
    _copy(conn, declared.predictions_table, names, answers)
    _copy(conn, declared.dead_letters_table, ("topic", "partition", "offset", "reason", "key", "message"), letters)


def _text(content: bytes | None) -> str | None:
    """The first 2,000 characters, without what PostgreSQL has no text for."""
    return None if content is None else content.decode("utf-8", "replace").replace("\0", "\\0")[:2000]


def _copy(conn: Database, table: str, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    if not rows:
        return
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(qualified(table), columns)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def as_message(answer: object) -> bytes:
    """An answer as a message of the topic that answers are published to."""
    return json.dumps(vars(answer), sort_keys=True).encode()
