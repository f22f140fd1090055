"""How a stream stands, for a person: rates, lag, the newest windows, and what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from psycopg import sql

from landfall.database import Database, explained, fetch, fetch_one
from landfall.publishing.schema import exists, qualified
from landfall.spec.stream import Stream
from landfall.streams.state import BatchRecord, StreamState, batches, state_of

SILENT = timedelta(seconds=20)
"""A running stream whose driver has given no sign of life for so long has none."""
RATE = timedelta(seconds=60)
"""The time over which rates are measured."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of one combination of the columns they are for, oldest first.

    Args:
        by: Column -> value.
        starts: When each begins.
        rows: The number of rows in each.
        late: The late rows that belong to each.
        shares: Name -> the share in each window; None where a window has only late rows.
        versions: The versions that scored each.
    """

    by: Mapping[str, object]
    starts: Sequence[datetime]
    rows: Sequence[int]
    late: Sequence[int]
    shares: Mapping[str, Sequence[float | None]]
    versions: Sequence[Sequence[str]]

    @property
    def name(self) -> str:
        """`label 1`; `all rows` if windows are for all."""
        return ", ".join(f"{name} {value}" for name, value in self.by.items()) or "all rows"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a stream stands.

    Args:
        state: Its line in the database.
        word: One word: running, starting, failing, silent, stopping or stopped.
        rows_per_second: The rows committed a second, over the last minute.
        batch_seconds: How long the newest batches took: the median; None without batches.
        delay_seconds: From the arrival of a message to its commit: the median of the newest batches.
        rows: All rows that the kept batches read; and how many of them were late, dead, or lost.
        windows: The newest windows.
        problem: What is wrong, with what to do; empty if nothing is.
    """

    state: StreamState
    word: str
    rows_per_second: float
    batch_seconds: float | None
    delay_seconds: float | None
    rows: int
    late: int
    dead: int
    lost: int
    windows: tuple[Windows, ...] = field(default=())
    problem: str = ""

    def as_dict(self) -> dict[str, object]:
        """The fields in values that JSON can hold."""
        windows = [
            {
                **asdict(window),
                "starts": [start.isoformat() for start in window.starts],
                "versions": [list(versions) for versions in window.versions],
            }
            for window in self.windows
        ]
        moments = ("started_at", "heartbeat")
        line = {name: value for name, value in asdict(self.state).items() if name not in moments}
        for name in moments:
            moment = getattr(self.state, name)
            line[name] = moment.isoformat() if moment else None
        own = {name: value for name, value in asdict(self).items() if name not in ("state", "windows")}
        return {**line, **own, "state": self.word, "windows": windows}


def standing(conn: Database, stream: Stream, *, windows: int = 30, now: datetime | None = None) -> Standing:
    """How a stream stands.

    Args:
        conn: A connection to the predictions database.
        stream: The stream.
        windows: How many of the newest windows to read.
        now: The present time (aware); by default it is asked of the clock.

    Raises:
        PublishingError: the database cannot be asked.
    """
    moment = now or datetime.now(UTC)
    line, newest = state_of(conn, stream.name), batches(conn, stream.name)
    recent = [batch for batch in newest if moment - batch.committed_at <= RATE]
    with explained(conn, f"How the stream `{stream.name}` stands is not known."):
        totals = fetch_one(conn, _TOTALS, [stream.name]) or (0, 0, 0, 0)
    rows, late, dead, lost = (int(str(total)) for total in totals)
    word = word_of(line, moment)
    return Standing(
        state=line,
        word=word,
        rows_per_second=sum(batch.rows for batch in recent) / RATE.total_seconds(),
        batch_seconds=_median([batch.seconds for batch in newest[:20]]),
        delay_seconds=_median([batch.delay_seconds for batch in newest[:20] if batch.delay_seconds is not None]),
        rows=rows,
        late=late,
        dead=dead,
        lost=lost,
        windows=newest_windows(conn, stream, windows),
        problem=_problem(stream, line, word, newest),
    )


def word_of(line: StreamState, now: datetime) -> str:
    """One word for how a stream stands."""
    if line.wanted == "stopped":
        return "stopped" if line.state == "stopped" or _silent(line, now) else "stopping"
    if line.state == "stopped":
        return "starting"
    if line.state != "failing" and _silent(line, now):
        return "silent"
    return line.state


def _silent(line: StreamState, now: datetime) -> bool:
    return line.heartbeat is None or now - line.heartbeat > SILENT


def _problem(stream: Stream, line: StreamState, word: str, newest: Sequence[BatchRecord]) -> str:
    if word == "failing":
        return line.problem
    if word == "silent" or (word == "starting" and line.heartbeat is None):
        return "no process drives it    (landfall ps: is the part `streams` up?)"
    if line.refused:
        return f"the version that should serve does not: {line.refused}"
    read = [batch for batch in newest[:10] if batch.rows]
    if read and all(batch.dead == batch.rows for batch in read):
        return f"every message is a dead letter    (landfall sql 'TABLE {stream.dead_letters_table} LIMIT 5')"
    if read and any(batch.lost for batch in read):
        return "messages were gone from the topic before they were read: its retention is too short"
    return ""


def newest_windows(conn: Database, stream: Stream, count: int) -> tuple[Windows, ...]:
    """The newest windows by the columns they are for; nothing if the stream never started."""
    if not exists(conn, stream.windows_table):
        return ()
    columns = ["window_start", *stream.window.by, "rows", "late", *stream.window.shares, "model_versions"]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = _WINDOWS.format(columns=names, table=qualified(stream.windows_table))
    with explained(conn, f"The windows of `{stream.name}` could not be read."):
        rows = [dict(zip(columns, row, strict=True)) for row in fetch(conn, query, [count])]
    groups: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in stream.window.by), []).append(row)
    return tuple(
        Windows(
            by=dict(zip(stream.window.by, key, strict=True)),
            starts=[row["window_start"] for row in group if isinstance(row["window_start"], datetime)],
            rows=[int(str(row["rows"])) for row in group],
            late=[int(str(row["late"])) for row in group],
            shares={name: [_number(row[name]) for row in group] for name in stream.window.shares},
            versions=[
                list(map(str, row["model_versions"])) for row in group if isinstance(row["model_versions"], list)
            ],
        )
        for key, group in sorted(groups.items(), key=lambda item: tuple(map(str, item[0])))
    )


def dead_letters(conn: Database, stream: Stream) -> list[tuple[str, int]]:
    """Kind of reason -> how many dead letters are kept that have it, most first. The values in a reason are left out."""
    if not exists(conn, stream.dead_letters_table):
        return []
    with explained(conn, f"The dead letters of `{stream.name}` could not be read."):
        rows = fetch(conn, _LETTERS.format(qualified(stream.dead_letters_table)))
    return [(str(row[0]), int(str(row[1]))) for row in rows]


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


_TOTALS = sql.SQL("""
SELECT coalesce(sum(rows), 0)::bigint, coalesce(sum(late), 0)::bigint, coalesce(sum(dead), 0)::bigint,
       coalesce(sum(lost), 0)::bigint
FROM landfall.stream_batches WHERE stream = %s""")
_WINDOWS = sql.SQL("""
SELECT {columns} FROM {table}
WHERE window_start IN (SELECT DISTINCT window_start FROM {table} ORDER BY window_start DESC LIMIT %s) ORDER BY window_start""")
_LETTERS = sql.SQL("""
SELECT split_part(reason, ' (', 1) AS kind, count(*) FROM {} GROUP BY kind ORDER BY count(*) DESC, kind LIMIT 20""")
