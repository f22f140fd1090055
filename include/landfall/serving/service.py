"""The service without its transport: its tables, its reader, and what is known of freshness.

The HTTP service and the Lambda function each hold one.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

from landfall.errors import LandfallError, SpecError
from landfall.pipelines import PIPELINES
from landfall.publishing.keys import KeyValue, parse_key
from landfall.publishing.reading import PublishedRow
from landfall.serving.answers import Json, absence, partition_name, row_answer
from landfall.serving.pool import Pool
from landfall.serving.problems import Problem
from landfall.serving.reader import NotPublished, Reader
from landfall.serving.settings import ServingSettings
from landfall.serving.standings import Freshness, Standings
from landfall.serving.tables import Served, served_tables
from landfall.spec import Partition

log = logging.getLogger(__name__)
UNKNOWN = Freshness(None, {}, {}, {})


class Service:
    """Answers look-ups. `freshness` is what `refresh` found last."""

    def __init__(self, settings: ServingSettings, tables: Mapping[str, Served] | None = None) -> None:
        self.settings = settings
        self.tables = dict(served_tables(PIPELINES.values()) if tables is None else tables)
        self.pool = Pool(settings.database_url, connections=settings.connections, seconds=settings.seconds)
        self.reader = Reader(self.pool)
        self.standings = Standings(settings)
        self.freshness = UNKNOWN

    async def start(self) -> None:
        """Opens the pool. The database may be away: look-ups then fail until it is back."""
        await self.pool.open()

    async def stop(self) -> None:
        """Ends all connections."""
        await self.pool.close()
        await asyncio.to_thread(self.standings.close)

    async def refresh(self) -> None:
        """Asks the ledger which partitions are stale, and how new the tables are.

        Raises:
            PublishingError: the database cannot be asked. What was known before stays.
        """
        self.freshness = await asyncio.to_thread(self.standings.freshness, self.tables.values())

    def table(self, name: str) -> Served:
        """The table that is served as `name`.

        Raises:
            SpecError: there is none. The message names the nearest.
        """
        if served := self.tables.get(name):
            return served
        raise SpecError.unknown("table", name, list(self.tables))

    async def lookup(self, served: Served, key: Mapping[str, KeyValue], as_of: int | None = None) -> PublishedRow:
        """The row of a key.

        Raises:
            Problem: 404: it has none. The problem says where its partition stands, and what is published near it.
            PublishingError: as `Reader.row`.
        """
        row = None
        try:
            row = await self.reader.row(served, key, as_of)
            if row is None:  # once more: a first publication may have been swapped in while the statement was planned
                row = await self.reader.row(served, key, as_of)
        except NotPublished:
            if as_of is not None:
                raise
        if row is None:
            raise await self._absent(served, parse_key(served.table, key), as_of)
        return row

    def answer(self, served: Served, row: PublishedRow) -> Json:
        """A row as callers get it."""
        return row_answer(served, row, self.freshness.stale)

    async def _absent(self, served: Served, key: Mapping[str, KeyValue], as_of: int | None) -> Problem:
        if as_of is not None:
            return Problem(
                404, f"Publication {as_of} of `{served.name}` has no row of this key.", members={"publication": as_of}
            )
        name, moment = partition_name(served, key), key[served.table.time]
        near = await self.reader.nearest(served, moment if isinstance(moment, datetime) and name else None)
        standing = None
        if name:
            try:
                standing = await asyncio.to_thread(self.standings.of, served, Partition.parse(name))
            except LandfallError as error:
                log.warning("Where %s %s stands is not known. %s", served.name, name, error)
        reason = absence(standing, name, near)
        return Problem(404, f"`{served.name}` has no row of this key: {reason['why']}.", members=reason)
