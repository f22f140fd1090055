"""Wait for a model's first champion without holding a worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from landfall.errors import ModelError


class ChampionTrigger(BaseTrigger):
    """Fires once the registry has a champion of `model`; asks every `interval` seconds, also while the registry is away."""

    def __init__(self, model: str, interval: float = 5.0) -> None:
        super().__init__()
        self.model, self.interval = model, interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{__name__}.ChampionTrigger", {"model": self.model, "interval": self.interval}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event with the version."""
        while True:
            if version := await asyncio.to_thread(self._version):
                yield TriggerEvent({"version": version})
                return
            await asyncio.sleep(self.interval)

    def _version(self) -> str | None:
        from landfall.models.registry import champion
        from landfall.spec import Settings

        try:
            found = champion(Settings.read(), self.model)
        except ModelError as error:
            self.log.warning("%s", error)
            return None
        return found.version if found else None
