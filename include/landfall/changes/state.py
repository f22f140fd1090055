"""What is kept of learners: the present state of each, older ones, the labels of clusters, alarms, and the rows that were used.

Owns the tables `landfall.learners`, `learner_states`, `learner_names`, `learner_alarms`, `learner_rows` and `learner_measures`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import sql

from landfall.changes.events import Position
from landfall.changes.memory import Memory, Place
from landfall.changes.online import Online, State
from landfall.database import Database, explained, fetch, fetch_as, fetch_one
from landfall.errors import StreamError
from landfall.spec.online import OnlineLearner


@dataclass(frozen=True, kw_only=True)
class Known:
    """The line of a learner.

    Args:
        state: All that it knows.
        positions: Topic -> the newest place in the log of the source database.
        frozen: Why it learns nothing at present; empty if it learns.
    """

    state: State
    positions: Mapping[str, Position] = field(default_factory=dict)
    frozen: str = ""


@dataclass(frozen=True, kw_only=True)
class KeptState:
    """A state that was kept: its number, the rows learnt by then, the error since the start and in the window, and the time."""

    number: int
    rows: int
    error: float | None
    window_error: float | None
    kept_at: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What was measured by the end of a batch. `counts`: what became of the batch's events -> how many."""

    batch: int
    number: int
    rows: int
    measured: int
    error: float | None
    window_error: float | None
    counts: Mapping[str, int]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Something that a person should know: the error rose, or the learner was frozen, thawed, reset or restored."""

    number: int
    kind: str
    reason: str
    at: datetime


def digest_of(declared: OnlineLearner) -> str:
    """What a state depends on in its declaration, as text: with another one its numbers mean something else."""
    algorithm = declared.algorithm
    return json.dumps(
        [
            type(algorithm).__name__,
            getattr(algorithm, "clusters", 0),
            declared.features,
            declared.classes,
            declared.scaled,
        ]
    )


def known_of(conn: Database, online: Online) -> Known:
    """The line of a learner; that of one that has learnt nothing if it has none.

    Raises:
        StreamError: the line is of another declaration.
        PublishingError: the database cannot be asked.
    """
    declared = online.declared
    with explained(conn, f"What the learner `{declared.name}` knows could not be read."):
        row = fetch_one(conn, _KNOWN, [declared.name])
    if row is None:
        return Known(state=online.start())
    if row[0] != digest_of(declared):
        raise StreamError(
            f"The state of the learner `{declared.name}` is of another declaration.",
            looked=f"known: {row[0]}; declared: {digest_of(declared)}",
            left="the state is as it was",
            next=f"landfall changes reset {declared.name}    (or declare it as it was)",
            fault="request",
        )
    return Known(state=online.from_json(str(row[1])), positions=_positions(row[2]), frozen=str(row[3]))


def newest_number(conn: Database, name: str) -> tuple[int, dict[str, Position]]:
    """The number of the present state, whatever its declaration was, and the places in the log."""
    row = fetch_one(conn, _NEWEST_NUMBER, [name])
    return (0, {}) if row is None else (int(str(row[0])), _positions(row[1]))


def _positions(text: object) -> dict[str, Position]:
    places = json.loads(str(text))
    return {topic: (int(one), int(two), int(three)) for topic, (one, two, three) in places.items()}


def write(conn: Database, online: Online, state: State, positions: Mapping[str, Position]) -> None:
    """Writes the line of a learner. Call it in the batch's transaction."""
    declared = online.declared
    places = json.dumps({topic: list(position) for topic, position in sorted(positions.items())})
    values = [declared.name, digest_of(declared), online.to_json(state), places, state.number, state.rows]
    fetch(conn, _WRITE, values)


def keep(conn: Database, online: Online, state: State) -> None:
    """Keeps a state, to look at or to go back to."""
    error = state.error
    values = [online.declared.name, state.number, state.rows, online.to_json(state), error.error, error.window_error]
    fetch(conn, _KEEP, values)


def remembered(conn: Database, name: str, places: Sequence[Place]) -> Memory:
    """What is remembered of the rows with these keys."""
    wanted = sorted(set(places))
    rows = (
        fetch(conn, _REMEMBERED, [name, [topic for topic, _ in wanted], [key for _, key in wanted]]) if wanted else []
    )
    return Memory({(str(topic), str(key)): str(digest) for topic, key, digest in rows})


def remember(conn: Database, name: str, memory: Memory) -> None:
    """Writes what has changed of the memory. Call it in the batch's transaction."""
    for topic in memory.forgotten_topics:
        fetch(conn, _FORGET_ALL, [name, topic])
    gone = [place for place, digest in memory.changed.items() if digest is None]
    new = [(*place, digest) for place, digest in memory.changed.items() if digest is not None]
    if gone:
        fetch(conn, _FORGET, [name, [topic for topic, _ in gone], [key for _, key in gone]])
    if new:
        columns = [list(column) for column in zip(*new, strict=True)]
        fetch(conn, _REMEMBER, [name, *columns])


def note(conn: Database, name: str, number: int, kind: str, reason: str = "") -> None:
    """Writes down something that a person should know."""
    fetch(conn, _NOTE, [name, number, kind, reason])


def note_names(conn: Database, name: str, number: int, names: Sequence[int | None]) -> None:
    """Writes down the labels that clusters have from a state on."""
    fetch(conn, _NOTE_NAMES, [name, number, json.dumps(list(names))])


def measure(conn: Database, name: str, batch: int, state: State, counts: Mapping[str, int]) -> None:
    """Writes down what was measured by the end of a batch."""
    error = state.error
    values = [name, batch, state.number, state.rows, error.count, error.error, error.window_error, json.dumps(counts)]
    fetch(conn, _MEASURE, values)


def kept_states(conn: Database, name: str, *, newest: int = 20) -> list[KeptState]:
    """The newest kept states, newest first."""
    with explained(conn, f"The states of the learner `{name}` could not be read."):
        return fetch_as(conn, KeptState, _KEPT, [name, newest])


def measures(conn: Database, name: str, *, newest: int = 100) -> list[Measure]:
    """What the newest batches measured, newest first."""
    with explained(conn, f"The measures of the learner `{name}` could not be read."):
        return fetch_as(conn, Measure, _MEASURES, [name, newest])


def alarms(conn: Database, name: str, *, newest: int = 20) -> list[Alarm]:
    """The newest alarms, newest first."""
    with explained(conn, f"The alarms of the learner `{name}` could not be read."):
        return fetch_as(conn, Alarm, _ALARMS, [name, newest])


def forget_rows(conn: Database, name: str) -> None:
    """Forgets which rows were used: all that come again are learnt again."""
    fetch(conn, _FORGET_EVERYTHING, [name])


def set_frozen(conn: Database, name: str, why: str) -> bool:
    """Freezes a learner, or thaws it if `why` is empty; False if there is no such line."""
    return fetch_one(conn, _FREEZE, [why, name]) is not None


def frozen_of(conn: Database, name: str) -> str:
    """Why a learner learns nothing at present; empty if it learns."""
    row = fetch_one(conn, _FROZEN, [name])
    return "" if row is None else str(row[0])


def kept_text(conn: Database, name: str, number: int) -> str | None:
    """A kept state as JSON; None if none of that number was kept."""
    row = fetch_one(conn, _KEPT_TEXT, [name, number])
    return None if row is None else str(row[0])


_NEWEST_NUMBER = sql.SQL("SELECT number, positions::text FROM landfall.learners WHERE name = %s")
_FROZEN = sql.SQL("SELECT frozen FROM landfall.learners WHERE name = %s")
_KNOWN = sql.SQL("SELECT declared, state::text, positions::text, frozen FROM landfall.learners WHERE name = %s")
_WRITE = sql.SQL("""
INSERT INTO landfall.learners (name, declared, state, positions, number, rows) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET declared = EXCLUDED.declared, state = EXCLUDED.state, positions = EXCLUDED.positions,
    number = EXCLUDED.number, rows = EXCLUDED.rows, changed_at = clock_timestamp() RETURNING name""")
_KEEP = sql.SQL("""
INSERT INTO landfall.learner_states (learner, number, rows, state, error, window_error) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (learner, number) DO NOTHING RETURNING number""")
_REMEMBERED = sql.SQL("""
SELECT topic, key, digest FROM landfall.learner_rows
WHERE learner = %s AND (topic, key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""")
_FORGET = sql.SQL("""
DELETE FROM landfall.learner_rows
WHERE learner = %s AND (topic, key) IN (SELECT * FROM unnest(%s::text[], %s::text[])) RETURNING key""")
_FORGET_ALL = sql.SQL("""
WITH gone AS (DELETE FROM landfall.learner_rows WHERE learner = %s AND topic = %s RETURNING 1) SELECT count(*) FROM gone""")
_FORGET_EVERYTHING = sql.SQL("""
WITH gone AS (DELETE FROM landfall.learner_rows WHERE learner = %s RETURNING 1) SELECT count(*) FROM gone""")
_REMEMBER = sql.SQL("""
INSERT INTO landfall.learner_rows (learner, topic, key, digest)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[])
ON CONFLICT (learner, topic, key) DO UPDATE SET digest = EXCLUDED.digest RETURNING key""")
_NOTE = sql.SQL(
    "INSERT INTO landfall.learner_alarms (learner, number, kind, reason) VALUES (%s, %s, %s, %s) RETURNING id"
)
_NOTE_NAMES = sql.SQL("INSERT INTO landfall.learner_names (learner, number, names) VALUES (%s, %s, %s) RETURNING id")
_MEASURE = sql.SQL("""
INSERT INTO landfall.learner_measures (learner, batch, number, rows, measured, error, window_error, counts)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING batch""")
_KEPT = sql.SQL("""
SELECT number, rows, error, window_error, kept_at, state::text AS text FROM landfall.learner_states
WHERE learner = %s ORDER BY number DESC LIMIT %s""")
_KEPT_TEXT = sql.SQL("SELECT state::text FROM landfall.learner_states WHERE learner = %s AND number = %s")
_MEASURES = sql.SQL("""
SELECT batch, number, rows, measured, error, window_error, counts, at FROM landfall.learner_measures
WHERE learner = %s ORDER BY batch DESC LIMIT %s""")
_ALARMS = sql.SQL(
    "SELECT number, kind, reason, at FROM landfall.learner_alarms WHERE learner = %s ORDER BY id DESC LIMIT %s"
)
_FREEZE = sql.SQL("UPDATE landfall.learners SET frozen = %s WHERE name = %s RETURNING name")
