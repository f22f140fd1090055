"""Waits for a model's first champion without holding a worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from landfall.errors import ModelError, PublishingError


class ChampionTrigger(BaseTrigger):
    """Fires once a version of `model` is promoted. It looks every `interval` seconds, even while the registry is away.

    It also fires if somebody has set the alias in MLflow itself: the step that goes on then says why that alias is not used.
    """

    def __init__(self, model: str, interval: float = 5.0) -> None:
        super().__init__()
        self.model, self.interval = model, interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.ChampionTrigger", {"model": self.model, "interval": self.interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, with the version."""
        while True:
            if version := await asyncio.to_thread(self._version):
                yield TriggerEvent({"version": version})
                return
            await asyncio.sleep(self.interval)

    def _version(self) -> str | None:
        from landfall.database import connect
        from landfall.freshness.promotions import notice
        from landfall.spec import Settings

        settings = Settings.read()
        try:
            with connect(settings) as connection:
                noticed = notice(settings, connection, self.model)
        except (ModelError, PublishingError) as error:
            self.log.warning("%s", error)
            return None
        return noticed.version or noticed.alias
