"""Reads a part of a topic again: what the stream made of it is taken back, and its next batch begins there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from landfall.database import Database, connect, explained, fetch, run
from landfall.errors import StreamError
from landfall.publishing.schema import exists, qualified
from landfall.spec import Settings
from landfall.spec.stream import Stream
from landfall.streams import state
from landfall.streams.topics import Topic, broker_of


@dataclass(frozen=True, kw_only=True)
class Rewound:
    """Where the stream begins again: partition -> offset, and how many messages lie between there and where it was."""

    offsets: Mapping[int, int]
    messages: int


def rewind(settings: Settings, stream: Stream, moment: datetime) -> Rewound:
    """Takes back what a stopped stream made of the messages that arrived at `moment` or later.

    Windows are sums. Those that the messages touch are counted anew from the predictions that stay, so this needs the stream
    to keep predictions; without them only the whole topic can be read again.

    Raises:
        StreamError: the stream runs, or the broker does not answer, or the windows could not be counted anew.
        PublishingError: the database refuses.
    """
    topic = Topic(broker_of(settings), stream.source)
    try:
        ends, wanted = topic.ends(), topic.offsets_at(int(moment.timestamp() * 1000))
    finally:
        topic.close()
    with connect(settings) as conn:
        present = state.places(conn, stream.name, stream.source.name)
        offsets = {
            at: min(place.next_offset, max(wanted.get(at, 0), ends.get(at, (0, 0))[0])) for at, place in present.items()
        }
        whole = all(offset <= ends.get(at, (0, 0))[0] for at, offset in offsets.items())
        _require_possible(conn, stream, whole=whole)
        with explained(conn, f"The stream `{stream.name}` could not be taken back."), conn.transaction():
            fetch(conn, sql.SQL("SELECT name FROM landfall.streams WHERE name = %s FOR UPDATE"), [stream.name])
            _forget(conn, stream, offsets, whole=whole)
    return Rewound(offsets=offsets, messages=sum(present[at].next_offset - offset for at, offset in offsets.items()))


def _require_possible(conn: Database, stream: Stream, *, whole: bool) -> None:
    line = state.state_of(conn, stream.name)
    if line.wanted == "running":
        raise StreamError(
            f"The stream `{stream.name}` runs.", looked="landfall.streams", next=f"landfall stream stop {stream.name}",
            fault="request",
        )  # fmt: skip
    if not whole and not stream.predictions:
        raise StreamError(
            f"The stream `{stream.name}` keeps no predictions, from which its windows could be counted anew.",
            looked="Stream.predictions is False",
            left="nothing was changed",
            next=f"landfall stream replay {stream.name} --from 0",
            fault="request",
        )


def _forget(conn: Database, stream: Stream, offsets: Mapping[int, int], *, whole: bool) -> None:
    tables = [stream.late_table, stream.dead_letters_table, *([stream.predictions_table] if stream.predictions else [])]
    tables = [table for table in tables if exists(conn, table)]
    windows = qualified(stream.windows_table)
    if whole:
        run(conn, *(sql.SQL("DELETE FROM {}").format(qualified(table)) for table in (*tables, stream.windows_table)))
    else:
        for partition, offset in offsets.items():
            _shrink_windows(conn, stream, windows, partition, offset)
            for table in tables:
                fetch(conn, _DELETE.format(qualified(table)), [stream.source.name, partition, offset])
    for partition, offset in offsets.items():
        newest = None if whole else _newest_before(conn, stream, partition)
        fetch(conn, _PLACE, [offset, newest, stream.name, stream.source.name, partition])


def _newest_before(conn: Database, stream: Stream, partition: int) -> object:
    """The newest time of the rows of a partition that stay."""
    query = _NEWEST.format(qualified(stream.predictions_table))
    return fetch(conn, query, [stream.source.name, partition])[0][0]


def _shrink_windows(conn: Database, stream: Stream, windows: sql.Identifier, partition: int, offset: int) -> None:
    """Takes the rows from an offset on out of their windows. What they added is kept beside each prediction."""
    by = [sql.Identifier(name) for name in stream.window.by]
    matches = [sql.SQL("w.{0} IS NOT DISTINCT FROM g.{0}").format(name) for name in by]
    sums = [
        sql.SQL("coalesce(sum({0}) FILTER (WHERE NOT late), 0) AS {0}").format(sql.Identifier(name))
        for name in stream.window.sums
    ]
    taken = [
        sql.SQL("{0} = w.{0} - g.{0}").format(sql.Identifier(name)) for name in ("rows", "late", *stream.window.sums)
    ]
    statement = sql.SQL("""
WITH g AS (
    SELECT date_bin({length}, event_time, 'epoch') AS window_start, {by}
           count(*) FILTER (WHERE NOT late) AS rows, count(*) FILTER (WHERE late) AS late {sums}
    FROM {predictions} WHERE topic = %s AND partition = %s AND "offset" >= %s GROUP BY {groups}
), changed AS (
    UPDATE {windows} w SET {taken} FROM g WHERE w.window_start = g.window_start {matches} RETURNING 1
) SELECT count(*) FROM changed""").format(
        length=sql.Literal(f"{stream.window.seconds} seconds"),
        by=sql.SQL("").join(sql.SQL("{}, ").format(name) for name in by),
        sums=sql.SQL("").join(sql.SQL(", {}").format(term) for term in sums),
        groups=sql.SQL(", ").join([sql.SQL("1"), *by]),
        predictions=qualified(stream.predictions_table),
        windows=windows,
        taken=sql.SQL(", ").join(taken),
        matches=sql.SQL("").join(sql.SQL(" AND {}").format(match) for match in matches),
    )
    fetch(conn, statement, [stream.source.name, partition, offset])
    fetch(conn, _EMPTY.format(windows))


_DELETE = sql.SQL("""
WITH gone AS (DELETE FROM {} WHERE topic = %s AND partition = %s AND "offset" >= %s RETURNING 1) SELECT count(*) FROM gone""")
_EMPTY = sql.SQL("WITH gone AS (DELETE FROM {} WHERE rows = 0 AND late = 0 RETURNING 1) SELECT count(*) FROM gone")
_NEWEST = sql.SQL("SELECT max(event_time) FROM {} WHERE topic = %s AND partition = %s")
_PLACE = sql.SQL("""
UPDATE landfall.stream_places SET next_offset = %s, newest_time = %s WHERE stream = %s AND topic = %s AND partition = %s
RETURNING partition""")
