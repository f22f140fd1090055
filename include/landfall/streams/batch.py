"""One batch's transaction: rows, windows, late rows, dead letters, offsets and the batch's own line, all or nothing.

How it takes its offsets, so that of two drivers one commits, is in `landfall.streams.offsets`.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.errors import StreamError
from landfall.publishing.schema import qualified
from landfall.spec.stream import Stream
from landfall.spec.stream_tables import kept
from landfall.streams.lateness import Newest, late_rows
from landfall.streams.offsets import Done, Move, begin, record
from landfall.streams.state import Places

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Columns = Mapping[str, "pa.Array | pa.ChunkedArray"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch commits.

    Args:
        table: A row for each message, as `spark_jobs.streaming.rows.result` gives it.
        ranges: Partition -> first offset, and the first after the last.
        places: How far the stream had got.
        lost: How many messages were gone from the topic.
        model_version: The version that scored.
        began: When the batch began (aware).
    """

    table: "pa.Table"
    ranges: Mapping[int, tuple[int, int]]
    places: Places
    lost: int
    model_version: str
    began: datetime


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What a batch has committed: its number and how many messages were read, late and dead; `newest` by partition."""

    number: int
    rows: int
    late: int
    dead: int
    newest: Newest


def commit(conn: Database, stream: Stream, epoch: int, batch: Batch) -> Committed:
    """Writes a batch.

    Raises:
        Fenced: another driver has taken the stream. Nothing was written.
        StreamError: the batch does not begin where the stream has got to, or lacks messages. Nothing was written.
        PublishingError: the database refuses.
    """
    _require_whole(stream, batch)
    order = batch.table.sort_by([("_partition", "ascending"), ("_offset", "ascending")])
    good = order.filter(_is_null(order, "_reason"))
    dead = order.filter(_not_null(order, "_reason"))
    late, newest, seen = late_rows(good, stream.lateness, {at: place.newest_time for at, place in batch.places.items()})
    with explained(conn, f"A batch of the stream `{stream.name}` could not be written."), conn.transaction():
        number = begin(conn, stream.name, epoch, _moves(stream, batch))
        if stream.predictions:
            _copy(conn, stream.predictions_table, _predictions(stream, good, late, batch))
        _windows(conn, stream, good, late, batch.model_version)
        _copy(conn, stream.late_table, _late(stream, good, late, seen, batch))
        _copy(conn, stream.dead_letters_table, _dead(stream, dead))
        done = Committed(number=number, rows=order.num_rows, late=int(late.sum()), dead=dead.num_rows, newest=newest)
        _end(conn, stream, epoch, batch, done)
    return done


def _require_whole(stream: Stream, batch: Batch) -> None:
    expected = sum(after - first for first, after in batch.ranges.values())
    if batch.table.num_rows > expected:
        raise StreamError(
            f"A batch of `{stream.name}` has {batch.table.num_rows} rows for {expected} offsets.",
            looked=f"partition -> offsets: {dict(batch.ranges)}",
            left="nothing of it was written",
        )


def _moves(stream: Stream, batch: Batch) -> list[Move]:
    return [
        Move(
            topic=stream.source.name, partition=partition, first=first, after=after,
            before=batch.places[partition].next_offset if partition in batch.places else None,
        )
        for partition, (first, after) in sorted(batch.ranges.items())
    ]  # fmt: skip


def _end(conn: Database, stream: Stream, epoch: int, batch: Batch, done: Committed) -> None:
    for partition, moment in done.newest.items():
        fetch(conn, _NEWEST, [moment, stream.name, stream.source.name, partition])
    delays = batch.table.column("_arrived").to_numpy() if batch.table.num_rows else None
    told = Done(
        number=done.number, rows=done.rows, late=done.late, dead=done.dead, lost=batch.lost,
        seconds=(datetime.now(UTC) - batch.began).total_seconds(),
        delay_seconds=datetime.now(UTC).timestamp() - float(_median(delays)) / 1e6 if delays is not None else None,
        model_version=batch.model_version,
    )  # fmt: skip
    record(conn, stream.name, epoch, _moves(stream, batch), told)


def _median(values: "np.ndarray") -> float:
    import numpy as np

    return float(np.median(values))


def _predictions(stream: Stream, good: "pa.Table", late: "np.ndarray", batch: Batch) -> Columns:
    import pyarrow as pa

    return {
        **_place(stream, good),
        "event_time": _moments(good, "_time"),
        "arrived_at": _moments(good, "_arrived"),
        **_scored(stream, good, batch.model_version),
        **{name: good.column(f"_sum_{name}") for name in stream.window.sums},
        "late": pa.array(late),
    }


def _late(stream: Stream, good: "pa.Table", late: "np.ndarray", seen: "np.ndarray", batch: Batch) -> Columns:
    import pyarrow as pa

    rows = good.filter(pa.array(late))
    newest = pa.array(seen[late], pa.int64()).cast(pa.timestamp("us", "UTC"))
    return {
        **_place(stream, rows),
        "event_time": _moments(rows, "_time"),
        "newest_time": newest,
        **_scored(stream, rows, batch.model_version),
    }


def _dead(stream: Stream, dead: "pa.Table") -> Columns:
    return {
        **_place(stream, dead),
        "reason": dead.column("_reason"),
        "message": _without_nul(dead.column("_text")),
        "arrived_at": _moments(dead, "_arrived"),
    }


def _scored(stream: Stream, rows: "pa.Table", version: str) -> Columns:
    import pyarrow as pa

    return {
        **{name: rows.column(name) for name in kept(stream)},
        "prediction": rows.column("prediction"),
        "probability": rows.column("_probability"),
        "model_version": pa.array([version] * rows.num_rows, pa.string()),
    }


def _place(stream: Stream, rows: "pa.Table") -> Columns:
    import pyarrow as pa

    topic = pa.array([stream.source.name] * rows.num_rows, pa.string())
    return {"topic": topic, "partition": rows.column("_partition"), "offset": rows.column("_offset")}


def _moments(rows: "pa.Table", name: str) -> "pa.ChunkedArray":
    import pyarrow as pa

    return rows.column(name).cast(pa.timestamp("us", "UTC"))


def _is_null(rows: "pa.Table", name: str) -> "pa.Array":
    import pyarrow.compute as pc

    return pc.is_null(rows.column(name))


def _not_null(rows: "pa.Table", name: str) -> "pa.Array":
    import pyarrow.compute as pc

    return pc.is_valid(rows.column(name))


def _without_nul(text: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """The text with `\\0` as a visible sign: PostgreSQL has no text with one."""
    import pyarrow.compute as pc

    return pc.replace_substring(text, "\0", "\\0")


def _copy(conn: Database, table: str, columns: Columns) -> None:
    """Writes rows with COPY. Arrow writes the CSV: ten times as fast as a Python loop over the rows."""
    import pyarrow as pa
    import pyarrow.csv as pc

    rows = pa.table(dict(columns))
    if not rows.num_rows:
        return
    content = io.BytesIO()
    pc.write_csv(rows, content, pc.WriteOptions(include_header=False, quoting_style="needed"))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(qualified(table), names)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(content.getvalue())


def _windows(conn: Database, stream: Stream, good: "pa.Table", late: "np.ndarray", version: str) -> None:
    """Adds the batch's rows to their windows; of a late row only that it was late."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not good.num_rows:
        return
    window, length = stream.window, stream.window.seconds * 1_000_000
    starts = good.column("_time").cast(pa.int64()).to_numpy() // length * length
    on_time = np.where(late, 0, 1)
    columns = {"start": pa.array(starts), **{name: good.column(name) for name in window.by}}
    columns |= {"rows": pa.array(on_time), "late": pa.array(late.astype("int64"))}
    for name in window.sums:
        columns[f"_sum_{name}"] = pc.multiply(good.column(f"_sum_{name}"), pa.array(on_time.astype("float64")))
    summed = ["rows", "late", *(f"_sum_{name}" for name in window.sums)]
    groups = pa.table(columns).group_by(["start", *window.by]).aggregate([(name, "sum") for name in summed])
    rows = groups.to_pylist()
    values = [
        (
            datetime.fromtimestamp(row["start"] / 1e6, UTC),
            datetime.fromtimestamp(row["start"] / 1e6, UTC) + timedelta(seconds=window.seconds),
            *(row[name] for name in window.by),
            *(row[f"{name}_sum"] for name in summed),
            [version],
        )
        for row in sorted(rows, key=lambda row: (row["start"], *(str(row[name]) for name in window.by)))
    ]
    with conn.cursor() as cursor:
        cursor.executemany(_upsert(stream, summed), values)


def _upsert(stream: Stream, summed: Sequence[str]) -> sql.Composed:
    names = [name.removeprefix("_sum_") for name in summed]
    columns = ["window_start", "window_end", *stream.window.by, *names, "model_versions"]
    add = sql.SQL(", ").join(sql.SQL("{0} = w.{0} + EXCLUDED.{0}").format(sql.Identifier(name)) for name in names)
    return sql.SQL("""
INSERT INTO {table} AS w ({columns}, updated_at) VALUES ({values}, clock_timestamp())
ON CONFLICT ({key}) DO UPDATE SET {add}, updated_at = EXCLUDED.updated_at,
    model_versions = ARRAY(SELECT DISTINCT v FROM unnest(w.model_versions || EXCLUDED.model_versions) AS v ORDER BY v)""").format(
        table=qualified(stream.windows_table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(sql.Placeholder() for _ in columns),
        key=sql.SQL(", ").join(map(sql.Identifier, ("window_start", *stream.window.by))),
        add=add,
    )


_NEWEST = sql.SQL("""
UPDATE landfall.stream_places SET newest_time = %s WHERE stream = %s AND topic = %s AND partition = %s RETURNING partition""")
