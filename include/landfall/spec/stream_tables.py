"""The tables of a stream: their columns, and the key by which a row of each is read."""

import re

from landfall.spec.stream import Stream

_TYPES = {
    "int": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
    "string": "text",
}
"""Type of a contract's column -> its type in PostgreSQL. A decimal keeps its digits: see `sql_type`."""
PLACE = {"topic": "text NOT NULL", "partition": "integer NOT NULL", "offset": "bigint NOT NULL"}
"""The columns that say which message a row is."""
_CONSTRAINT = re.compile(r" (NOT NULL|DEFAULT|GENERATED)\b.*")


def sql_type(stream: Stream, name: str) -> str:
    """The PostgreSQL type of a contract's column."""
    column = stream.contract.column(name)
    if column.type == "decimal":
        return f"numeric({column.precision},{column.scale})"
    return _TYPES[column.type]


def kept(stream: Stream) -> tuple[str, ...]:
    """The columns of a row that are kept with its prediction: those of the windows, and the label."""
    return tuple(dict.fromkeys((*stream.window.by, *filter(None, (stream.label,)))))


def definitions(stream: Stream) -> dict[str, dict[str, str]]:
    """Table of the stream -> its columns with their definitions. The place of a message is the key where there is one."""
    columns = {name: sql_type(stream, name) for name in kept(stream)}
    scored = {"prediction": "double precision", "probability": "double precision", "model_version": "text NOT NULL"}
    by = {name: sql_type(stream, name) for name in stream.window.by}
    sums = dict.fromkeys(stream.window.sums, "double precision NOT NULL DEFAULT 0")
    shares = {
        name: f'double precision GENERATED ALWAYS AS ("{of}" / nullif("rows", 0)) STORED'
        for name, of in stream.window.shares.items()
    }
    tables = {
        stream.windows_table: {
            "window_start": "timestamptz NOT NULL", "window_end": "timestamptz NOT NULL", **by,
            "rows": "bigint NOT NULL DEFAULT 0", "late": "bigint NOT NULL DEFAULT 0", **sums, **shares,
            "model_versions": "text[] NOT NULL", "updated_at": "timestamptz NOT NULL",
        },
        stream.late_table: {
            **PLACE, "event_time": "timestamptz NOT NULL", "newest_time": "timestamptz NOT NULL", **columns, **scored,
        },
        stream.dead_letters_table: {
            **PLACE, "reason": "text NOT NULL", "message": "text", "arrived_at": "timestamptz NOT NULL",
        },
    }  # fmt: skip
    if stream.predictions:
        tables[stream.predictions_table] = {
            **PLACE, "event_time": "timestamptz NOT NULL", "arrived_at": "timestamptz NOT NULL", **columns, **scored, **sums,
            "late": "boolean NOT NULL", "scored_at": "timestamptz NOT NULL DEFAULT clock_timestamp()",
        }  # fmt: skip
    return tables


def types(stream: Stream, table: str) -> dict[str, str]:
    """Column -> its type, for one of the stream's tables."""
    return {name: _CONSTRAINT.sub("", definition) for name, definition in definitions(stream)[table].items()}


def key(stream: Stream, table: str) -> tuple[str, ...]:
    """The columns by which a row of one of the stream's tables is read, the one that ranges are over last.

    Of windows these are the columns that they are for, and then their start; of all other tables, the place of the message.
    """
    return (*stream.window.by, "window_start") if table == stream.windows_table else tuple(PLACE)


def served_tables(stream: Stream) -> tuple[str, ...]:
    """The tables of the stream that applications may read over HTTP: predictions, windows and late rows.

    Dead letters are not among them. They hold whatever somebody has sent, and are for those who run the stream.
    """
    return (*((stream.predictions_table,) if stream.predictions else ()), stream.windows_table, stream.late_table)
