"""The statements that read published rows: by key, by many keys at once, and by a range of the last key column.

`landfall lookup`, the lookup service and its AWS Lambda function run these and no others. Parameters are written `$1`, `$2`, as
PostgreSQL itself writes them, so that both drivers take the text: psycopg (`landfall.database.fetch_numbered`) and asyncpg.

Each is ONE statement, and a statement has one snapshot: a swap that happens meanwhile is seen whole or not at all. So a batch and
a page never mix two publications of a partition, and a row never comes with another publication's number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from landfall.publishing.keyed import KeyedReading, Statement, in_utc, quoted
from landfall.publishing.keys import KeyValue
from landfall.spec import PredictionTable

NUMBER, FINGERPRINT = "publication.id", "publication.fingerprint"
"""How the statements call what is no column of the table. No declared column has a name with a dot in it."""
KEPT_STATES = ("published", "superseded", "rolled_back")


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


class Reading(KeyedReading):
    """The statements for one table; with `kept`, for one of its publications instead of what readers see."""

    def __init__(self, table: PredictionTable, kept: Kept | None = None) -> None:
        source = quoted(*(kept.child if kept else table.name).split(".", 1))
        super().__init__(table, source, (*table.columns, *table.added))
        self.published, self.kept = table, kept

    def plain_row(self, key: Mapping[str, KeyValue]) -> Statement:
        """The row of a key, without its publication. A role that may read nothing but the table can run it."""
        return self._plain_row(key)

    def row_of(self, record: Mapping[str, object]) -> PublishedRow:
        """The row in a record of these statements, times in UTC."""
        number, fingerprint = (self.kept.id, self.kept.fingerprint) if self.kept else _publication(record)
        partition, published_at = record["partition"], record["published_at"]
        if not isinstance(published_at, datetime):
            raise TypeError(f"published_at is {published_at!r}")
        return PublishedRow(
            key={name: in_utc(record[name]) for name in self.table.key},
            values={name: in_utc(record[name]) for name in self.published.values},
            model_version=str(record["model_version"]),
            partition=partition.isoformat() if isinstance(partition, date) else str(partition),
            published_at=published_at.astimezone(UTC),
            publication=number,
            fingerprint=fingerprint,
        )

    def _within(self, keys: Sequence[Mapping[str, KeyValue]], after: int) -> tuple[str, Sequence[object]]:
        """The bounds of the time let the planner leave out all partitions that no key is in."""
        time = self.published.time
        moments = [key[time] for key in keys]
        first, last = f"${after + 1}::timestamptz", f"${after + 2}::timestamptz"
        bounds = f" AND t.{quoted(time)} >= {first} AND t.{quoted(time)} <= {last}"
        return bounds, [min(moments), max(moments)]

    def _completed(self, rows: Statement, *, order: str = "") -> Statement:
        """The rows of a query, each with the publication that readers see in its partition."""
        if self.kept:
            return rows
        day = "t.partition" if self.published.calendar.hourly else "to_char(t.partition, 'YYYY-MM-DD')"
        text = (
            f"SELECT t.*, p.id AS {quoted(NUMBER)}, p.fingerprint_hash AS {quoted(FINGERPRINT)} FROM ({rows.text}) t"  # noqa: S608
            f" JOIN landfall.publications p ON p.table_name = ${len(rows.parameters) + 1}::text AND p.partition = {day}"
            f" AND p.state = 'published'{order}"
        )
        return Statement(text, [*rows.parameters, self.table.name])


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


def _publication(record: Mapping[str, object]) -> tuple[int, str]:
    return int(str(record[NUMBER])), str(record[FINGERPRINT])
