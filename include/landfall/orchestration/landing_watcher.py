"""Fires when something lands that no wait of this triggerer waits for: this wakes the audit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from landfall.landing.waiting.lister import changes
from landfall.orchestration.landing_trigger import landing_of
from landfall.spec import Settings

DEBOUNCE = 2.0
"""Seconds for which everything that lands becomes one event."""


class LandingWatcher(BaseEventTrigger):
    """For an `AssetWatcher`: fires when objects come, go or are replaced under a feed's prefix, except in folders with a wait.

    An event names the feed, not the keys: it only wakes the audit, which then compares the store with the ledger. The first
    event comes as soon as there is anything at all, because a triggerer that was away may have missed something.

    Args:
        feed: PIPELINE/FEED, such as `bike_demand/forecast`.
        landing: Where its objects arrive, as `Landing.to_json` wrote it. A triggerer lives longer than a declaration, so it
            gets the declaration as an argument, and another declaration makes another watcher.
    """

    def __init__(self, feed: str, landing: str) -> None:
        super().__init__()
        self.feed, self.landing = feed, landing

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.LandingWatcher", {"feed": self.feed, "landing": self.landing}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Events, at most one in two seconds, for ever."""
        settings, landing = Settings.read(), landing_of(self.landing)
        pipeline, _, feed = self.feed.partition("/")
        async with aclosing(changes(settings.s3, landing, queue_url=settings.sqs_queue_url)) as changing:
            async for _ in changing:
                yield TriggerEvent({"pipeline": pipeline, "feed": feed})
                await asyncio.sleep(DEBOUNCE)
