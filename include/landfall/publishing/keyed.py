"""The statements that read the rows of any table by its key: one row, many at once, and a range of the last key column.

Parameters are written `$1`, `$2`, as PostgreSQL itself writes them, so that both drivers take the text: psycopg
(`landfall.database.fetch_numbered`) and asyncpg.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from landfall.publishing.keys import Keyed, KeyValue, placeholder

ASKED = "asked.number"
"""The column of a batch's rows that says which key a row is for. No column of a table that is served has a dot in its name."""


@dataclass(frozen=True)
class Statement:
    """The text of a statement, and what it is run with."""

    text: str
    parameters: Sequence[object]


class KeyedReading:
    """The statements for one table.

    Args:
        table: The table.
        source: What to read from, as SQL writes it: see `quoted`.
        columns: The columns to read.
    """

    def __init__(self, table: Keyed, source: str, columns: Sequence[str]) -> None:
        self.table = table
        self._from = source
        self._columns = ", ".join(f"t.{quoted(name)}" for name in columns)

    def row(self, key: Mapping[str, KeyValue]) -> Statement:
        """The row of a key."""
        text, more = self._whole_row
        return Statement(text, [*self._key(key), *more])

    def batch(self, keys: Sequence[Mapping[str, KeyValue]]) -> Statement:
        """The rows of many keys; `ASKED` of a row is the place of its key, from 1. Keys without a row have none."""
        names = self.table.key
        arrays = ", ".join(placeholder(n, self.table.columns[name], several=True) for n, name in enumerate(names, 1))
        equal = " AND ".join(f"t.{quoted(name)} = k.c{n}" for n, name in enumerate(names, 1))
        within, bounds = self._within(keys, len(names))
        text = (
            f"SELECT k.asked AS {quoted(ASKED)}, t.*"  # noqa: S608
            f" FROM unnest({arrays}) WITH ORDINALITY AS k({', '.join(f'c{n}' for n in range(1, len(names) + 1))}, asked)"
            f" CROSS JOIN LATERAL (SELECT {self._columns} FROM {self._from} t WHERE {equal}{within} LIMIT 1) t"
        )
        return self._completed(Statement(text, [*([key[name] for key in keys] for name in names), *bounds]))

    def page(
        self,
        key: Mapping[str, KeyValue],
        *,
        first: KeyValue | None,
        until: KeyValue | None,
        after: KeyValue | None,
        limit: int,
    ) -> Statement:
        """At most `limit` rows in the order of the last key column, whose other key columns are `key`.

        Args:
            key: A value for every key column but the last.
            first: Only rows from this value on; None: no bound.
            until: Only rows before this value; None: no bound.
            after: Only rows after this value, the last one of the page before; None: the first page.
            limit: The most rows.
        """
        *others, last = self.table.key
        parameters: list[object] = [key[name] for name in others]
        conditions = [self._equals(name, n) for n, name in enumerate(others, 1)]
        for operator, value in ((">=", first), ("<", until), (">", after)):
            if value is not None:
                parameters.append(value)
                bound = placeholder(len(parameters), self.table.columns[last])
                conditions.append(f"t.{quoted(last)} {operator} {bound}")
        parameters.append(limit)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f" ORDER BY t.{quoted(last)}"
        rows = f"SELECT {self._columns} FROM {self._from} t{where}{order} LIMIT ${len(parameters)}::bigint"  # noqa: S608
        return self._completed(Statement(rows, parameters), order=order)

    def _plain_row(self, key: Mapping[str, KeyValue]) -> Statement:
        return Statement(self._row_text, self._key(key))

    def _key(self, key: Mapping[str, KeyValue]) -> Sequence[object]:
        return [key[name] for name in self.table.key]

    @cached_property
    def _row_text(self) -> str:
        where = " AND ".join(self._equals(name, n) for n, name in enumerate(self.table.key, 1))
        return f"SELECT {self._columns} FROM {self._from} t WHERE {where}"  # noqa: S608

    @cached_property
    def _whole_row(self) -> tuple[str, Sequence[object]]:
        """The text of `row`, and the parameters that follow those of the key."""
        completed = self._completed(Statement(self._row_text, self.table.key))
        return completed.text, completed.parameters[len(self.table.key) :]

    def _equals(self, name: str, number: int) -> str:
        return f"t.{quoted(name)} = {placeholder(number, self.table.columns[name])}"

    def _within(self, keys: Sequence[Mapping[str, KeyValue]], after: int) -> tuple[str, Sequence[object]]:
        """More conditions on the rows of a batch, with their parameters, which are numbered from `after` + 1; by default none."""
        return "", []

    def _completed(self, rows: Statement, *, order: str = "") -> Statement:
        """The statement with what every row of the answer needs besides; by default nothing."""
        return rows


def quoted(*names: str) -> str:
    """An identifier as SQL writes it; of several names, `"schema"."table"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def in_utc(value: object) -> object:
    """A moment in UTC; any other value as it is."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
