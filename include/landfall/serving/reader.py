"""The read functions: one row, many rows at once, a page of a range, and the same of an earlier publication that is kept.

The HTTP service and the Lambda function call these. Each answer comes from one statement of `landfall.publishing.reading`, so it
never mixes two publications of a partition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from landfall.errors import PublishingError
from landfall.publishing.keyed import ASKED, KeyedReading, Statement, in_utc
from landfall.publishing.keys import Keyed, KeyValue, parse_key, parse_value
from landfall.publishing.reading import Kept, Reading, kept_publication, nearest
from landfall.serving.live import NEAR, LiveReading
from landfall.serving.pool import Pool
from landfall.serving.tables import NotPublished, PublishedTable, Row, Served

MOST_KEYS, MOST_ROWS = 1000, 1000
"""The most keys of a batch, and the most rows of a page."""


@dataclass(frozen=True)
class Page:
    """Rows in the order of the last key column; `after` is the last one's value if there are more, else None."""

    rows: Sequence[Row]
    after: object | None


class Reader:
    """Reads rows through a pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def row(self, served: Served, key: Mapping[str, KeyValue], as_of: int | None = None) -> Row | None:
        """The row of a key; None if there is none.

        Args:
            served: The table.
            key: A value for every column of its key, as an application writes it.
            as_of: The number of a publication that is kept; None: what readers see.

        Raises:
            PublishingError: the key is not one of this table's.
            NotPublished: the table is not there yet, or the publication is not kept.
            Unavailable, Slow: the database cannot be asked.
        """
        wanted = parse_key(served.table, key)
        reading = await self._reading(served, as_of)
        rows = await self._fetch(served, reading, reading.row(wanted))
        return reading.row_of(rows[0]) if rows else None

    async def batch(
        self, served: Served, keys: Sequence[Mapping[str, KeyValue]], as_of: int | None = None
    ) -> list[Row | None]:
        """The rows of up to `MOST_KEYS` keys, in their order; None in the place of one that has no row.

        Raises:
            As `row`. The message of a key that is malformed says which one it is.
        """
        if not 0 < len(keys) <= MOST_KEYS:
            raise PublishingError(
                f"A batch cannot have {len(keys)} keys.", looked=f"expected 1 to {MOST_KEYS}", fault="request"
            )
        wanted = [_numbered(served.table, number, key) for number, key in enumerate(keys)]
        reading = await self._reading(served, as_of)
        found: list[Row | None] = [None] * len(keys)
        for record in await self._fetch(served, reading, reading.batch(wanted)):
            found[int(str(record[ASKED])) - 1] = reading.row_of(record)
        return found

    async def page(
        self,
        served: Served,
        key: Mapping[str, KeyValue],
        *,
        first: KeyValue | None = None,
        until: KeyValue | None = None,
        after: KeyValue | None = None,
        limit: int = 100,
        as_of: int | None = None,
    ) -> Page:
        """A page of the rows from `first` on and before `until`, both values of the last key column.

        Raises:
            As `row`. `key` has a value for every column of the key but the last.
        """
        if not 0 < limit <= MOST_ROWS:
            raise PublishingError(
                f"A page cannot have {limit} rows.", looked=f"expected 1 to {MOST_ROWS}", fault="request"
            )
        table, last = served.table, served.last
        stand_in = next((value for value in (first, until, after) if value is not None), served.example(last))
        others = {name: value for name, value in parse_key(table, {**key, last: stand_in}).items() if name != last}
        bounds = [
            None if value is None else parse_value(name, table.columns[last], value)
            for name, value in ((f"{last}_from", first), (f"{last}_to", until), ("after", after))
        ]
        reading = await self._reading(served, as_of)
        asked = reading.page(others, first=bounds[0], until=bounds[1], after=bounds[2], limit=limit + 1)
        rows = [reading.row_of(record) for record in await self._fetch(served, reading, asked)]
        return Page(rows[:limit], rows[limit - 1].key[last] if len(rows) > limit else None)

    async def nearest(self, served: PublishedTable, moment: datetime | None) -> Sequence[str]:
        """The names of the published partitions nearest to a moment."""
        start = served.table.calendar.holding(moment).start.replace(tzinfo=None) if moment else None
        return [str(row["partition"]) for row in await self.pool.fetch(nearest(served.table, start))]

    async def neighbours(self, served: Served, key: Mapping[str, KeyValue]) -> Sequence[object]:
        """The values of the last key column nearest to those of a parsed key, where the table is no prediction table."""
        if not isinstance(served.reading, LiveReading):
            return []
        return [in_utc(row[NEAR]) for row in await self._fetch(served, served.reading, served.reading.nearest(key))]

    async def _reading(self, served: Served, as_of: int | None) -> Reading | LiveReading:
        if as_of is None:
            return served.reading
        if not isinstance(served, PublishedTable):
            raise PublishingError(f"`{served.name}` has no publications: `as_of` cannot be asked for.", fault="request")
        lines = await self.pool.fetch(kept_publication(served.table, as_of))
        if not lines:
            raise _not_kept(served, as_of)
        fields = lines[0]
        kept = Kept(
            id=as_of,
            partition=str(fields["partition"]),
            fingerprint=str(fields["fingerprint"]),
            child=str(fields["child"]),
        )
        return Reading(served.table, kept)

    async def _fetch(
        self, served: Served, reading: KeyedReading, statement: Statement
    ) -> Sequence[Mapping[str, object]]:
        try:
            return await self.pool.fetch(statement)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
            if isinstance(reading, Reading) and reading.kept:  # it was dropped just now
                raise _not_kept(served, reading.kept.id) from None
            raise served.missing() from None
        except asyncpg.InsufficientPrivilegeError as error:
            raise served.closed(str(error)) from None


def _numbered(table: Keyed, number: int, key: Mapping[str, KeyValue]) -> dict[str, KeyValue]:
    try:
        return parse_key(table, key)
    except PublishingError as error:
        raise PublishingError(
            f"Key {number}: {error.what}", looked=error.looked, next=error.next, fault="request"
        ) from None


def _not_kept(served: Served, as_of: int) -> NotPublished:
    keep = served.table.keep if isinstance(served, PublishedTable) else 0
    return NotPublished(
        f"`{served.name}` keeps no publication {as_of}.",
        looked=f"the newest {keep} publications of each partition before the present one are kept",
        next=f"landfall publications {served.name}",
        fault="request",
    )
