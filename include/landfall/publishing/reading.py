"""The statements that read published rows: by key, by many keys at once, and by a range of the last key column.

`landfall lookup`, the lookup service and its AWS Lambda function run these and no others. Parameters are written `$1`, `$2`, as
PostgreSQL itself writes them, so that both drivers take the text: psycopg (`landfall.database.fetch_numbered`) and asyncpg.

Each is ONE statement, and a statement has one snapshot: a swap that happens meanwhile is seen whole or not at all. So a batch and
a page never mix two publications of a partition, and a row never comes with another publication's number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from landfall.publishing.keys import KeyValue
from landfall.spec import PredictionTable

NUMBER, FINGERPRINT, ASKED = "publication.id", "publication.fingerprint", "asked.number"
"""How the statements call what is no column of the table. No declared column has a name with a dot in it."""
KEPT_STATES = ("published", "superseded", "rolled_back")


@dataclass(frozen=True)
class Statement:
    """The text of a statement, and what it is run with."""

    text: str
    parameters: Sequence[object]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A publication whose rows are kept: what readers see, or what they saw before.

    Args:
        id: The number of the publication.
        partition: The name of its partition.
        fingerprint: The digest of what it was made of.
        child: `schema.table` with its rows.
    """

    id: int
    partition: str
    fingerprint: str
    child: str


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """A row as readers see it, with the publication that it came with.

    Args:
        key: The columns of the key.
        values: The other declared columns.
        model_version: The version of the model that predicted it; empty for a table without a model.
        partition: The name of its partition.
        published_at: When its publication was first swapped in.
        publication: The number of its publication.
        fingerprint: The digest of what the publication was made of.
    """

    key: dict[str, object]
    values: dict[str, object]
    model_version: str
    partition: str
    published_at: datetime
    publication: int
    fingerprint: str


class Reading:
    """The statements for one table; with `kept`, for one of its publications instead of what readers see."""

    def __init__(self, table: PredictionTable, kept: Kept | None = None) -> None:
        self.table, self.kept = table, kept
        self._from = quoted(*(kept.child if kept else table.name).split(".", 1))
        self._columns = ", ".join(f"t.{quoted(name)}" for name in (*table.columns, *table.added))

    def plain_row(self, key: Mapping[str, KeyValue]) -> Statement:
        """The row of a key, without its publication. A role that may read nothing but the table can run it."""
        where = " AND ".join(self._equals(name, n) for n, name in enumerate(self.table.key, 1))
        return Statement(f"SELECT {self._columns} FROM {self._from} t WHERE {where}", self._key(key))  # noqa: S608

    def row(self, key: Mapping[str, KeyValue]) -> Statement:
        """The row of a key, with its publication."""
        parameters = self._key(key)
        return Statement(self._row_text, parameters if self.kept else [*parameters, self.table.name])

    @cached_property
    def _row_text(self) -> str:
        where = " AND ".join(self._equals(name, n) for n, name in enumerate(self.table.key, 1))
        rows = f"SELECT {self._columns} FROM {self._from} t WHERE {where}"  # noqa: S608
        return self._with_publication(rows, self.table.key).text

    def batch(self, keys: Sequence[Mapping[str, KeyValue]]) -> Statement:
        """The rows of many keys; `ASKED` of a row is the place of its key, from 1. Keys without a row have none.

        The bounds of the time let the planner leave out all partitions that no key is in.
        """
        names, time = self.table.key, self.table.time
        arrays = ", ".join(f"${n}::{self.table.columns[name]}[]" for n, name in enumerate(names, 1))
        equal = " AND ".join(f"t.{quoted(name)} = k.c{n}" for n, name in enumerate(names, 1))
        first, last = f"${len(names) + 1}::timestamptz", f"${len(names) + 2}::timestamptz"
        within = f"t.{quoted(time)} >= {first} AND t.{quoted(time)} <= {last}"
        text = (
            f"SELECT k.asked AS {quoted(ASKED)}, t.*"  # noqa: S608
            f" FROM unnest({arrays}) WITH ORDINALITY AS k({', '.join(f'c{n}' for n in range(1, len(names) + 1))}, asked)"
            f" CROSS JOIN LATERAL (SELECT {self._columns} FROM {self._from} t WHERE {equal} AND {within} LIMIT 1) t"
        )
        moments = [key[time] for key in keys]
        columns = [[key[name] for key in keys] for name in names]
        return self._with_publication(text, [*columns, min(moments), max(moments)])

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
                conditions.append(f"t.{quoted(last)} {operator} ${len(parameters)}::{self.table.columns[last]}")
        parameters.append(limit)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f" ORDER BY t.{quoted(last)} LIMIT ${len(parameters)}::bigint"
        return self._with_publication(
            f"SELECT {self._columns} FROM {self._from} t{where}{order}",  # noqa: S608
            parameters,
            order=f" ORDER BY t.{quoted(last)}",
        )

    def row_of(self, record: Mapping[str, object]) -> PublishedRow:
        """The row in a record of these statements, times in UTC."""
        number, fingerprint = (self.kept.id, self.kept.fingerprint) if self.kept else _publication(record)
        partition, published_at = record["partition"], record["published_at"]
        if not isinstance(published_at, datetime):
            raise TypeError(f"published_at is {published_at!r}")
        return PublishedRow(
            key={name: in_utc(record[name]) for name in self.table.key},
            values={name: in_utc(record[name]) for name in self.table.values},
            model_version=str(record["model_version"]),
            partition=partition.isoformat() if isinstance(partition, date) else str(partition),
            published_at=published_at.astimezone(UTC),
            publication=number,
            fingerprint=fingerprint,
        )

    def _equals(self, name: str, number: int) -> str:
        return f"t.{quoted(name)} = ${number}::{self.table.columns[name]}"

    def _key(self, key: Mapping[str, KeyValue]) -> list[object]:
        return [key[name] for name in self.table.key]

    def _with_publication(self, rows: str, parameters: Sequence[object], *, order: str = "") -> Statement:
        """The rows of a query `t`, each with the publication that readers see in its partition."""
        if self.kept:
            return Statement(f"{rows}", parameters)
        day = "t.partition" if self.table.calendar.hourly else "to_char(t.partition, 'YYYY-MM-DD')"
        text = (
            f"SELECT t.*, p.id AS {quoted(NUMBER)}, p.fingerprint_hash AS {quoted(FINGERPRINT)} FROM ({rows}) t"  # noqa: S608
            f" JOIN landfall.publications p ON p.table_name = ${len(parameters) + 1}::text AND p.partition = {day}"
            f" AND p.state = 'published'{order}"
        )
        return Statement(text, [*parameters, self.table.name])


def kept_publication(table: PredictionTable, number: int) -> Statement:
    """The line of a publication of `table` whose rows are kept, in the fields of `Kept`; none if there is no such one."""
    text = (
        "SELECT id, partition, fingerprint_hash AS fingerprint, child_table AS child FROM landfall.publications"
        " WHERE id = $1::bigint AND table_name = $2::text AND state = ANY ($3::text[]) AND child_table IS NOT NULL"
    )
    return Statement(text, [number, table.name, list(KEPT_STATES)])


def nearest(table: PredictionTable, moment: datetime | None) -> Statement:
    """The three published partitions nearest to a moment of the table's calendar, with their rows."""
    text = (
        "SELECT partition, rows FROM landfall.publications WHERE table_name = $1::text AND state = 'published'"
        # The name of an hour, 2012-12-25T07, is no timestamp to PostgreSQL.
        " ORDER BY abs(extract(epoch FROM left(partition, 10)::date"
        " + make_interval(hours => coalesce(nullif(substr(partition, 12), '')::int, 0)) - $2::timestamp)), partition LIMIT 3"
    )
    return Statement(text, [table.name, moment])


def quoted(*names: str) -> str:
    """An identifier as SQL writes it; of several names, `"schema"."table"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def in_utc(value: object) -> object:
    """A moment in UTC; any other value as it is."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _publication(record: Mapping[str, object]) -> tuple[int, str]:
    return int(str(record[NUMBER])), str(record[FINGERPRINT])
