"""The service without its transport: its tables, its reader, and what is known of freshness.

The HTTP service and the Lambda function each hold one.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from landfall.database.statements import plain
from landfall.errors import LandfallError, SpecError
from landfall.publishing.keys import KeyValue, parse_key
from landfall.serving.answers import Json, absence, live_absence, partition_name, row_answer
from landfall.serving.deployed import DEPLOYED, NO_DEPLOYMENTS, DeployedTable
from landfall.serving.known import UNKNOWN
from landfall.serving.pool import Pool
from landfall.serving.problems import Problem
from landfall.serving.reader import Reader
from landfall.serving.settings import ServingSettings
from landfall.serving.standings import Standings
from landfall.serving.streams import StreamTable, declared_tables
from landfall.serving.tables import NotPublished, PublishedTable, Row, Served
from landfall.spec import Partition

log = logging.getLogger(__name__)
LOOKS_EVERY = 1.0
"""Seconds between two looks at the deployments because somebody asks for one that is not known."""


class Service:
    """Answers look-ups.

    `tables` are those of declarations. `freshness` and `deployments`, the tables of deployed models, are what `refresh` found.
    """

    def __init__(self, settings: ServingSettings, tables: Mapping[str, Served] | None = None) -> None:
        self.settings = settings
        self.tables = dict(declared_tables() if tables is None else tables)
        self.pool = Pool(settings.database_url, connections=settings.connections, seconds=settings.seconds)
        self.reader = Reader(self.pool)
        self.standings = Standings(settings)
        self.freshness = UNKNOWN
        self.deployments = NO_DEPLOYMENTS
        self._looked = 0.0

    async def start(self) -> None:
        """Opens the pool. The database may be away: look-ups then fail until it is back."""
        await self.pool.open()

    async def stop(self) -> None:
        """Ends all connections."""
        await self.pool.close()
        await asyncio.to_thread(self.standings.close)

    async def refresh(self) -> None:
        """Asks the ledger which partitions are stale, how new the tables are, and which tables have a model.

        Raises:
            PublishingError: the database cannot be asked. What was known before stays.
        """
        published = [served for served in self.tables.values() if isinstance(served, PublishedTable)]
        self.freshness = await asyncio.to_thread(self.standings.freshness, published)
        self.deployments = await asyncio.to_thread(self.standings.deployed)

    async def ask_database(self) -> None:
        """Asks the database what it has of the first pipeline.

        Raises:
            PublishingError: it cannot be asked.
        """
        for served in self.tables.values():
            if isinstance(served, PublishedTable):
                await self.reader.nearest(served, None)
                return

    @property
    def all_tables(self) -> Mapping[str, Served]:
        """Name -> table, for all that are served: those of declarations, and those of deployed models."""
        return {**self.tables, **self.deployments.served}

    async def deployed(self, name: str) -> DeployedTable:
        """The table of a deployed model that is served as `name`. One that is not known yet is looked for.

        Raises:
            NotPublished: it is not served; the message says why, and what lets it be served.
            PublishingError: the database cannot be asked.
        """
        moment = time.monotonic()
        if name not in self.deployments.served and moment > self._looked + LOOKS_EVERY:
            self._looked = moment
            self.deployments = await asyncio.to_thread(self.standings.deployed)
        return self.deployments.table(name)

    async def table(self, name: str) -> Served:
        """The table that is served as `name`.

        Raises:
            SpecError: there is none. The message names the nearest.
            NotPublished: it is the table of a deployed model, and is not served; the message says why.
        """
        if served := self.tables.get(name):
            return served
        if name.startswith(DEPLOYED):
            return await self.deployed(name)
        raise SpecError.unknown("table", name, list(self.all_tables))

    async def lookup(self, served: Served, key: Mapping[str, KeyValue], as_of: int | None = None) -> Row:
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

    async def batch(
        self, served: Served, keys: Sequence[Mapping[str, KeyValue]], as_of: int | None = None
    ) -> Sequence[Row | None]:
        """The rows of keys, in their order; None in the place of one that has none.

        Raises:
            PublishingError: as `Reader.batch`.
        """
        return await self.reader.batch(served, keys, as_of)

    def answer(self, served: Served, row: Row) -> Json:
        """A row as callers get it."""
        return row_answer(served, row, self.freshness)

    async def _absent(self, served: Served, key: Mapping[str, KeyValue], as_of: int | None) -> Problem:
        if as_of is not None:
            return Problem(
                404, f"Publication {as_of} of `{served.name}` has no row of this key.", members={"publication": as_of}
            )
        if not isinstance(served, PublishedTable):
            return await self._absent_live(served, key)
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

    async def _absent_live(self, served: Served, key: Mapping[str, KeyValue]) -> Problem:
        """The refusal of a key that a table of a stream or of a deployed model does not have."""
        near = await self.reader.neighbours(served, key)
        state, why = "absent", "the table has no such row"
        if isinstance(served, StreamTable):
            try:
                standing = (await asyncio.to_thread(self.standings.streams)).get(served.stream.name)
                state, why = served.absence(key, standing)
            except LandfallError as error:
                log.warning("How the stream of %s stands is not known. %s", served.name, error)
        reason = live_absence(state, why, served.last, [plain(value) for value in near])
        return Problem(404, f"`{served.name}` has no row of this key: {why}.", members=reason)
