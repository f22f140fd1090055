"""Waits for partitions of other published tables, which a partition joins, without holding a worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from landfall.errors import PublishingError
from landfall.spec import Partitions, Settings


class JoinedTrigger(BaseTrigger):
    """Fires once all of `needs` is published. It looks every `interval` seconds, even while the database is away.

    Args:
        needs: `schema.table` -> partitions, as text. A triggerer lives longer than a declaration, so it gets them as arguments.
        interval: Seconds between two looks.
    """

    def __init__(self, needs: Mapping[str, str], interval: float = 5.0) -> None:
        super().__init__()
        self.needs, self.interval = dict(needs), interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.JoinedTrigger", {"needs": self.needs, "interval": self.interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, when everything is there."""
        while await asyncio.to_thread(self._lacks):
            await asyncio.sleep(self.interval)
        yield TriggerEvent({"published": self.needs})

    def _lacks(self) -> str:
        from landfall.database import connect
        from landfall.ledger.joined import lacking

        try:
            with connect(Settings.read()) as connection:
                return lacking(connection, {table: Partitions.parse(days) for table, days in self.needs.items()})
        except PublishingError as error:
            self.log.warning("%s", error)
            return error.what
