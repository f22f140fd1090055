"""The tables of streams as they are served: `streams/TABLE_predictions`, the windows, and the late rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.errors import PublishingError
from landfall.pipelines import PIPELINES, STREAMS
from landfall.publishing.keys import KeyValue, can_be_key
from landfall.serving.known import Freshness, ReadTo, StreamStanding
from landfall.serving.live import LiveColumns, LiveReading
from landfall.serving.tables import NotPublished, Row, Served, refuse_taken_names, served_tables
from landfall.spec import Stream, stream_tables
from landfall.spec.stream import SCHEMA

_STANDINGS = sql.SQL("""
SELECT stream, state, heartbeat, model_version, lag_rows, lag_seconds, topic, partition, next_offset, newest_time
FROM landfall.stream_standings ORDER BY stream, topic, partition""")
START, END = "window_start", "window_end"


@dataclass(frozen=True, kw_only=True)
class StreamTable(Served):
    """A table of a stream."""

    stream: Stream
    table: LiveColumns
    reading: LiveReading

    @property
    def windowed(self) -> bool:
        """True if its rows are windows."""
        return self.table.name == self.stream.windows_table

    def stale(self, row: Row, known: Freshness) -> str:
        """`window open` for a window that rows may still be added to.

        All other rows are final: what a message was given is what the version of that moment gave it.
        """
        standing, end = known.streams.get(self.stream.name), row.values.get(END)
        if not self.windowed or standing is None or not isinstance(end, datetime):
            return ""
        newest = standing.newest_time
        return "" if newest is not None and _later(end, self.stream.lateness) <= newest else "window open"

    def absence(self, key: Mapping[str, KeyValue], standing: StreamStanding | None) -> tuple[str, str]:
        """The state of a key without a row, and why there is none."""
        if standing is None:
            return "waiting", "the stream has read nothing yet"
        if self.windowed:
            start, newest = key[START], standing.newest_time
            if isinstance(start, datetime) and (newest is None or start > newest):
                read = "no row yet" if newest is None else f"rows up to {newest.isoformat()}"
                return "waiting", f"the stream has read {read}; it is {standing.word(datetime.now(UTC))}"
            return "absent", "no row of this window was read in time"
        place = standing.places.get((str(key["topic"]), int(str(key["partition"]))))
        if place is None:
            there = ", ".join(f"{topic} {partition}" for topic, partition in standing.places)
            return "absent", f"the stream reads no such partition; it reads {there or 'none yet'}"
        if int(str(key["offset"])) >= place.next_offset:
            word = standing.word(datetime.now(UTC))
            return "waiting", f"the stream is at offset {place.next_offset} of this partition; it is {word}"
        if self.table.name == self.stream.late_table:
            return "absent", "this message was not late, or is no longer kept"
        return "absent", "this message became a dead letter, or is no longer kept"

    def missing(self) -> NotPublished:
        """The stream was never started."""
        return NotPublished(
            f"There is no table `{self.table.name}` yet.",
            left=f"the first start of the stream `{self.stream.name}` makes it",
            next=f"landfall stream start {self.stream.name}",
            fault="request",
        )

    def closed(self, words: str) -> PublishingError:
        """An earlier version made the table, and gave the service no right."""
        return PublishingError(
            f"The service may not read `{self.table.name}`.",
            looked=words,
            next=f"landfall stream restart {self.stream.name}    (each start gives the right)",
        )


def declared_tables() -> dict[str, Served]:
    """Name -> table, for every table of a declaration: those of the pipelines and those of the streams.

    Raises:
        SpecError: a table cannot be served under its name.
    """
    return {**served_tables(PIPELINES.values()), **tables_of_streams(STREAMS.values())}


def tables_of_streams(streams: Iterable[Stream]) -> dict[str, StreamTable]:
    """Name -> table, for every table of a stream that is served. One whose key has a type that no key can have is left out.

    Raises:
        SpecError: a column of a key has a name that the service needs itself.
    """
    found = {}
    for stream in streams:
        for name in stream_tables.served_tables(stream):
            columns = LiveColumns(
                name=name, columns=stream_tables.types(stream, name), key=stream_tables.key(stream, name)
            )
            if not all(can_be_key(columns.columns[column]) for column in columns.key):
                continue
            refuse_taken_names(name, columns)
            short = name.removeprefix(f"{SCHEMA}.")
            served = StreamTable(
                name=f"streams/{short}", group=stream.name, stream=stream, model=stream.model, table=columns,
                reading=LiveReading(columns, SCHEMA, short),
            )  # fmt: skip
            found[served.name] = served
    return found


def stream_standings(conn: Database) -> dict[str, StreamStanding]:
    """Name of a stream that was started before -> how it stands.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, "How the streams stand is not known."):
        lines = fetch(conn, _STANDINGS)
    by_stream: dict[str, list[Sequence[object]]] = {}
    for name, *fields in lines:
        by_stream.setdefault(str(name), []).append(fields)
    return {name: _standing(fields) for name, fields in by_stream.items()}


def _standing(lines: Sequence[Sequence[object]]) -> StreamStanding:
    state, heartbeat, version, rows, seconds, *_ = lines[0]
    places = {
        (str(topic), int(str(partition))): ReadTo(int(str(offset)), time if isinstance(time, datetime) else None)
        for *_, topic, partition, offset, time in lines
        if topic is not None
    }
    return StreamStanding(
        state=str(state),
        heartbeat=heartbeat if isinstance(heartbeat, datetime) else None,
        model_version=str(version),
        lag_rows=int(str(rows)),
        lag_seconds=float(str(seconds)),
        places=places,
    )


def _later(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
