"""Rows that no publication holds: those of streams and of deployed models, which come one after the other and may change.

They are read by the same three statements as published rows (`landfall.publishing.keyed`). A row's tag is a digest of the row:
two answers with the same tag have the same rows.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from landfall.publishing.keyed import KeyedReading, Statement, in_utc, quoted
from landfall.publishing.keys import Keyed, KeyValue, placeholder

VERSION = "model_version"
"""The column with the version that predicted a row, where a table has one."""
NEAR = "near"


@dataclass(frozen=True, kw_only=True)
class LiveColumns:
    """A table that is no prediction table: its name, its columns with their types, and the columns of its key."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LiveRow:
    """A row as it is now.

    Args:
        key: The columns of the key.
        values: The other columns but `model_version`.
        model_version: The version that predicted it; empty if none did, or if several did.
    """

    key: dict[str, object]
    values: dict[str, object]
    model_version: str


class LiveReading(KeyedReading):
    """The statements for one such table."""

    def __init__(self, table: Keyed, schema: str, name: str) -> None:
        super().__init__(table, quoted(schema, name), list(table.columns))

    def row_of(self, record: Mapping[str, object]) -> LiveRow:
        """The row in a record of these statements, times in UTC."""
        names = self.table.key
        version = record[VERSION] if VERSION in self.table.columns else None
        return LiveRow(
            key={name: in_utc(record[name]) for name in names},
            values={name: in_utc(record[name]) for name in self.table.columns if name not in names and name != VERSION},
            model_version="" if version is None else str(version),
        )

    def nearest(self, key: Mapping[str, KeyValue]) -> Statement:
        """The values of the last key column that are nearest to the key's, two on each side, the other columns being equal."""
        *others, last = self.table.key
        column, bound = f"t.{quoted(last)}", placeholder(len(others) + 1, self.table.columns[last])
        equal = "".join(f"{self._equals(name, n)} AND " for n, name in enumerate(others, 1))
        rows = f"(SELECT {column} AS {NEAR} FROM {self._from} t WHERE {equal}{column} "  # noqa: S608
        text = f"{rows}< {bound} ORDER BY 1 DESC LIMIT 2) UNION ALL {rows}> {bound} ORDER BY 1 LIMIT 2) ORDER BY 1"
        return Statement(text, [key[name] for name in (*others, last)])


def digest(rows: Iterable[LiveRow], *more: object) -> str:
    """The digest of what rows hold, in hexadecimal."""
    held = [(row.key, row.values, row.model_version) for row in rows]
    return hashlib.sha256(repr((held, more)).encode()).hexdigest()
