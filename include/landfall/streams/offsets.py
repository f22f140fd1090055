"""How a batch takes its range of offsets inside its transaction, and what is written down of it. Learners do it in the same way.

The line of the stream is locked first, and only for the newest epoch: of two drivers one commits. Each partition's next offset
must be where the batch begins, so that no offset is committed twice, whatever was tried before.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from landfall.database import Database, fetch, fetch_one
from landfall.errors import StreamError
from landfall.streams.state import COMMANDS, Kind, fenced


@dataclass(frozen=True, kw_only=True)
class Move:
    """A range of offsets of a partition.

    Args:
        topic: The topic.
        partition: The partition.
        first: The first offset.
        after: The first offset after the last.
        before: The next offset that is committed; None if nothing of the partition is.
    """

    topic: str
    partition: int
    first: int
    after: int
    before: int | None


@dataclass(frozen=True, kw_only=True)
class Done:
    """What is written down of a batch: see `BatchRecord`."""

    number: int
    seconds: float
    rows: int
    late: int
    dead: int
    lost: int
    delay_seconds: float | None
    model_version: str


def begin(conn: Database, name: str, epoch: int, moves: Sequence[Move], *, kind: Kind = "stream") -> int:
    """Locks the line for this epoch, moves the offsets on, and gives the batch's number. Call it in the batch's transaction.

    Raises:
        Fenced: another driver has taken the stream.
        StreamError: the batch does not begin where the stream has got to.
    """
    line = fetch_one(conn, _NEXT_BATCH, [name, epoch])
    if line is None:
        raise fenced(name, kind)
    for move in moves:
        moved = fetch_one(conn, _MOVE, [name, move.topic, move.partition, move.after, move.before])
        if moved is None:
            raise StreamError(
                f"The {kind} `{name}` is not at offset {move.first} of partition {move.partition}.",
                looked="landfall.stream_places",
                left="nothing of this batch was written",
                next=f"landfall {COMMANDS[kind]} restart {name}"
                if kind == "stream"
                else f"landfall {COMMANDS[kind]} status {name}",
            )
    return int(str(line[0]))


def record(conn: Database, name: str, epoch: int, moves: Sequence[Move], done: Done) -> None:
    """Writes down what the batch did. Call it at the end of its transaction."""
    topics = {move.topic for move in moves}
    ranges = {
        str(move.partition) if len(topics) < 2 else f"{move.topic}-{move.partition}": (move.first, move.after)
        for move in moves
    }
    fetch(
        conn,
        _RECORD,
        [name, done.number, epoch, done.seconds, done.rows, done.late, done.dead, done.lost, done.delay_seconds,
         done.model_version, json.dumps(ranges)],
    )  # fmt: skip


_NEXT_BATCH = sql.SQL("UPDATE landfall.streams SET batch = batch + 1 WHERE name = %s AND epoch = %s RETURNING batch")
_MOVE = sql.SQL("""
INSERT INTO landfall.stream_places AS p (stream, topic, partition, next_offset) VALUES (%s, %s, %s, %s)
ON CONFLICT (stream, topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset
    WHERE p.next_offset = %s RETURNING next_offset""")
_RECORD = sql.SQL("""
INSERT INTO landfall.stream_batches
    (stream, batch, epoch, seconds, rows, late, dead, lost, delay_seconds, model_version, ranges)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING batch""")
