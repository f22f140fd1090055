"""The object store for an event loop: all listers of the loop share one client and one reader of messages."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import lru_cache
from typing import Any

from landfall.landing.waiting.sweep import AsyncObjectStore
from landfall.objects.client import access, configuration
from landfall.spec import S3

CONNECTIONS = 4
"""How many connections a client keeps; a lister sends one request at a time."""
log = logging.getLogger(__name__)


class AsyncStore:
    """The store `s3`, shared by the listers of one event loop. It sends no request until `client` is awaited.

    Args:
        s3: The store.
        queue_url: The SQS queue with messages about created objects; empty if there is none.
    """

    def __init__(self, s3: S3, queue_url: str = "") -> None:
        self.s3, self.queue_url = s3, queue_url
        self.loop = asyncio.get_running_loop()
        self.hearers: dict[str, Callable[[str], None]] = {}
        """Key prefix -> function to call with each key that was created under it."""
        self._opened = AsyncExitStack()
        self._client: AsyncObjectStore | None = None
        self._one = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None

    async def client(self) -> AsyncObjectStore:
        """The client; the first caller opens it."""
        async with self._one:
            if self._client is None:
                self._client = await self._open()
            return self._client

    @property
    def hears(self) -> bool:
        """True if messages about created objects are coming in."""
        return self._reader is not None and not self._reader.done()

    def read_messages(self) -> None:
        """From now on, passes the queue's messages to the hearers. Does nothing without a queue, or if called again."""
        if self.queue_url and self._reader is None:
            # An empty context, so that its log lines belong to no task.
            self._reader = self.loop.create_task(self._read(), name="landfall messages", context=contextvars.Context())

    async def close(self) -> None:
        """Closes the connections. The store must not be used afterwards."""
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._opened.aclose()

    async def _read(self) -> None:
        from landfall.landing.events.messages import follow

        try:
            await follow(self.s3, self.queue_url, self._heard)
        except Exception:
            log.exception("Messages of the queue %s are not read any more; listing goes on.", self.queue_url)

    def _heard(self, bucket: str, key: str) -> None:
        if bucket == self.s3.bucket:
            for hear in self.hearers.values():
                hear(key)

    async def _open(self) -> AsyncObjectStore:
        session, config_of = await asyncio.to_thread(_prepared)
        created = session.create_client(
            "s3", **access(self.s3), config=config_of(**configuration(self.s3, CONNECTIONS))
        )
        client: AsyncObjectStore = await self._opened.enter_async_context(created)
        return client


@lru_cache(maxsize=1)
def _prepared() -> tuple[Any, Any]:
    """What makes clients and their configuration, read ahead: it takes a second that the event loop should not lose."""
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
    from aiobotocore.session import get_session  # type: ignore[import-untyped]

    session = get_session()
    loader = session.get_component("data_loader")
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("s3", kind)
    for name in ("endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(name)
    return session, AioConfig
