"""What is wanted of a stream, who drives it, and how it stands.

Owns the tables `landfall.streams`, `stream_places` and `stream_batches`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_as, fetch_one
from landfall.errors import StreamError

Kind = Literal["stream", "learner"]
"""What a line of `landfall.streams` is: a stream (`landfall.streams.driver`), or a learner (`landfall.changes.driver`)."""
COMMANDS: dict[Kind, str] = {"stream": "stream", "learner": "changes"}
"""Kind -> the command of `landfall` that people use for it."""
Places = Mapping[int, "Place"]
"""Partition of the topic -> how far the stream has got there."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a stream has got in a partition.

    Args:
        next_offset: The first offset that no batch has committed.
        newest_time: The newest time that a row before it had; None if there was none.
    """

    next_offset: int
    newest_time: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class StreamState:
    """A stream's line: see the migration that makes the table `landfall.streams`."""

    name: str
    kind: Kind = "stream"
    wanted: str = "stopped"
    wanted_by: str = ""
    epoch: int = 0
    driver: str = ""
    state: str = "stopped"
    problem: str = ""
    refused: str = ""
    model_version: str = ""
    batch: int = 0
    lag_rows: int = 0
    lag_seconds: float = 0.0
    started_at: datetime | None = None
    heartbeat: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    """What a batch did.

    Args:
        rows: The messages that it read.
        late: How many of them were late.
        dead: How many could not be scored.
        lost: How many messages were gone from the topic before it could read them.
        seconds: How long it took.
        delay_seconds: The time from a message's arrival to the commit: the median of the batch; None without messages.
        model_version: The version that scored.
        ranges: Partition -> first offset and the first after the last.
    """

    batch: int
    committed_at: datetime
    seconds: float
    rows: int
    late: int
    dead: int
    lost: int
    delay_seconds: float | None
    model_version: str
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Fenced(StreamError):
    """Somebody else drives the stream by now."""


def want(conn: Database, name: str, wanted: str, by: str, *, kind: Kind = "stream") -> None:
    """Writes down that a stream shall run, or be stopped, and who wants it: a run of Airflow or a person."""
    with explained(conn, f"The {kind} `{name}` could not be told to be {wanted}."):
        fetch(conn, _WANT, {"name": name, "kind": kind, "wanted": wanted, "by": by})


def unwant(conn: Database, name: str, by: str) -> None:
    """Stops a stream if `by` was the last to want it running: a newer wish of somebody else stays."""
    with explained(conn, f"The stream `{name}` could not be stopped."):
        fetch(conn, _UNWANT, [by, name, by])


def states(conn: Database) -> dict[str, StreamState]:
    """The state of every stream that was ever wanted, by name."""
    with explained(conn, "How the streams stand is not known."):
        return {state.name: state for state in fetch_as(conn, StreamState, _STATES)}


def state_of(conn: Database, name: str) -> StreamState:
    """The state of a stream; a stopped one if it was never wanted."""
    return states(conn).get(name, StreamState(name=name))


def take(conn: Database, name: str, driver: str, *, kind: Kind = "stream") -> int:
    """Begins to drive a stream and gives its new epoch. Whoever drove it before can commit nothing more."""
    taken = fetch_one(conn, _TAKE, {"name": name, "kind": kind, "driver": driver})
    assert taken is not None
    return int(str(taken[0]))


def beat(conn: Database, name: str, epoch: int, state: StreamState) -> str:
    """Writes down that the driver is alive and how the stream stands, and gives what is wanted of it: running or stopped.

    Raises:
        Fenced: somebody else drives the stream by now.
    """
    values = {
        "name": name, "epoch": epoch, "state": state.state, "problem": state.problem, "refused": state.refused,
        "version": state.model_version, "rows": state.lag_rows, "seconds": state.lag_seconds,
    }  # fmt: skip
    answer = fetch_one(conn, _BEAT, values)
    if answer is None:
        raise fenced(name, state.kind)
    return str(answer[0])


def places(conn: Database, name: str, topic: str) -> dict[int, Place]:
    """How far a stream has got in each partition of a topic; a partition that it never read is not there."""
    rows = fetch(conn, _PLACES, [name, topic])
    return {int(str(row[0])): Place(next_offset=int(str(row[1])), newest_time=_moment(row[2])) for row in rows}


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def batches(conn: Database, name: str, *, newest: int = 100) -> list[BatchRecord]:
    """The newest batches, newest first."""
    with explained(conn, f"What the stream `{name}` did is not known."):
        return fetch_as(conn, BatchRecord, _BATCHES, [name, newest])


def fenced(name: str, kind: Kind = "stream") -> Fenced:
    """The error of a driver that is not the newest one."""
    return Fenced(
        f"Another process drives the {kind} `{name}` by now.",
        looked="landfall.streams has a newer epoch",
        left="nothing of this batch was written",
        next=f"landfall {COMMANDS[kind]} status {name}",
    )


_WANT = sql.SQL("""
INSERT INTO landfall.streams (name, kind, wanted, wanted_by) VALUES (%(name)s, %(kind)s, %(wanted)s, %(by)s)
ON CONFLICT (name) DO UPDATE SET wanted = EXCLUDED.wanted, wanted_by = EXCLUDED.wanted_by RETURNING name""")
_UNWANT = sql.SQL(
    "UPDATE landfall.streams SET wanted = 'stopped', wanted_by = %s WHERE name = %s AND wanted_by = %s RETURNING name"
)
_STATES = sql.SQL("""
SELECT name, kind, wanted, wanted_by, epoch, driver, state, problem, refused, model_version, batch, lag_rows, lag_seconds,
started_at,
       heartbeat
FROM landfall.streams ORDER BY name""")
_TAKE = sql.SQL("""
INSERT INTO landfall.streams AS s (name, kind, wanted, epoch, driver, state, started_at, heartbeat)
VALUES (%(name)s, %(kind)s, 'running', 1, %(driver)s, 'starting', clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET epoch = s.epoch + 1, driver = EXCLUDED.driver, state = 'starting',
    started_at = EXCLUDED.started_at, heartbeat = EXCLUDED.heartbeat
RETURNING epoch""")
_BEAT = sql.SQL("""
UPDATE landfall.streams SET heartbeat = clock_timestamp(), state = %(state)s, problem = %(problem)s, refused = %(refused)s,
       model_version = %(version)s, lag_rows = %(rows)s, lag_seconds = %(seconds)s
WHERE name = %(name)s AND epoch = %(epoch)s RETURNING wanted""")
_PLACES = sql.SQL(
    "SELECT partition, next_offset, newest_time FROM landfall.stream_places WHERE stream = %s AND topic = %s ORDER BY partition"
)
_BATCHES = sql.SQL("""
SELECT batch, committed_at, seconds, rows, late, dead, lost, delay_seconds, model_version, ranges
FROM landfall.stream_batches WHERE stream = %s ORDER BY batch DESC LIMIT %s""")
