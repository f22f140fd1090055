"""Waits for partitions that share one listing: however many there are, one sweep per poll answers them all.

All waits of an event loop on one store and prefix hold the same `Lister`. A poll lists the folders that are waited for,
from the earliest on, at most a page of a thousand keys per request. Its cost depends on the keys there, not on the waits.

It polls every second while a partition is expected, has landed in part or has changed in the last ten minutes; else every
two seconds, or every 30 if messages about new objects come in, which make it list at once. A long sweep makes the pause
longer, and errors make it longer still: see `poller`.
"""

import asyncio
import contextvars
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from landfall.errors import LandingError
from landfall.landing.waiting.async_store import AsyncStore, _prepared
from landfall.landing.waiting.changes import Changes
from landfall.landing.waiting.collector import of_this_process as collector
from landfall.landing.waiting.poller import Poller, mended_by_a_person, waiting_error
from landfall.landing.waiting.sweep import Digest, ListedObject, by_folder, pages
from landfall.landing.waiting.waits import Wait, Waits
from landfall.spec import S3, Landing, Partition

BUSY, QUIET, WITH_MESSAGES, HINTED = 1.0, 2.0, 30.0, 0.2
"""Seconds between two polls: if something is expected; if nothing is; if nothing is, but messages come in; after a message."""
CHANGING = 600.0
"""How many seconds after one change more changes are expected."""
AT_ONCE = 20
"""How many waits are woken before others on the event loop have a turn."""
LEFT = "the wait is tried again; what has landed stays, what was published stays"
GOES_ON = "the wait goes on; what has landed stays, what was published stays"


class Lister:
    """The waits and watches on one prefix: see the functions `landed` and `changes`.

    Args:
        store: The store, shared with the listers of other prefixes.
        prefix: Key prefix without a slash at its end.
    """

    def __init__(self, store: AsyncStore, prefix: str) -> None:
        self.store, self.prefix = store, prefix
        self.holders = 0
        self.waits = Waits(prefix)
        self._poller = Poller(store.s3, prefix, self._look, self._usual, self._failed)
        self._polling: asyncio.Task[None] | None = None
        self._watches: dict[Changes, Poller] = {}
        self._digests: dict[str, int] = {}
        self._changed = 0.0

    def begin(self, wait: Wait) -> None:
        """Notes a wait and lists. `end` must be called for the wait in the end."""
        self.waits.add(wait)
        collector.came()
        self._changed = time.monotonic()
        self._poller.nudge(BUSY)
        if self._polling is None or self._polling.done():
            self._polling = _start(self._poller, self._ended)

    def end(self, wait: Wait) -> None:
        """Forgets a wait."""
        self.waits.remove(wait)
        if wait.folder not in self.waits:
            self._digests.pop(wait.folder, None)

    async def changes(self, landing: Landing) -> AsyncGenerator[None, None]:
        """See the function `changes`."""
        watch = Changes(landing, self.waits.__contains__)
        poller = Poller(self.store.s3, self.prefix, partial(self._sweep, watch), lambda: QUIET)
        self._watches[watch] = poller
        polling = _start(poller, watch.ended)
        try:
            while True:
                await watch.news.wait()
                watch.news.clear()
                if polling.done():
                    polling.result()
                yield
        finally:
            del self._watches[watch]
            polling.cancel()

    def hint(self, key: str) -> None:
        """Lists now, or when 0.2 s have passed since the last time: `key` was created or replaced. Does nothing in an outage."""
        if not key.startswith(f"{self.prefix}/"):
            return
        self._changed = time.monotonic()
        for poller in (self._poller, *self._watches.values()):
            if not poller.errors:
                poller.nudge(HINTED)

    async def close(self) -> None:
        """Stops listing."""
        if self._polling:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _look(self) -> None:
        """Makes one sweep over the folders that are waited for."""
        folders, depths, ended = list(self.waits.folders), self.waits.depths, 0
        if not folders:
            return
        listing = pages(await self.store.client(), self.store.s3.bucket, self.prefix, folders, depths)
        async for folder, objects in by_folder(listing, self.prefix, depths, self._gather):
            self._notice(folder, objects)
            ended += self.waits.judge(folder, objects)
            if ended >= AT_ONCE:
                ended = 0
                await asyncio.sleep(0)
        for wait in self.waits:
            wait.answered = True
        collector.rest()

    def _gather(self, folder: str) -> list[ListedObject] | None:
        return [] if folder in self.waits else None

    def _notice(self, folder: str, objects: list[ListedObject]) -> None:
        digest = Digest.of(objects)
        if self._digests.get(folder) != digest.value:
            self._digests[folder] = digest.value
            self._changed = time.monotonic()
            for watch in self._watches:
                watch.learned(folder, digest)

    def _usual(self) -> float:
        half_landed, changing = bool(self._digests), time.monotonic() - self._changed < CHANGING
        if half_landed or changing or self.waits.any_expected(time.time()):
            return BUSY
        return WITH_MESSAGES if self.store.hears else QUIET

    async def _failed(self, error: Exception, new: bool) -> None:
        """Passes errors that only a person can mend to the waits: a wait that has not had an answer from the store ends."""
        if not mended_by_a_person(error):
            return
        for number, wait in enumerate(tuple(self.waits)):
            if new or not wait.answered:
                wait.tell(waiting_error(error, self.store.s3, wait.folder, GOES_ON if wait.answered else LEFT))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _sweep(self, watch: Changes) -> None:
        """Makes one sweep over everything."""
        watch.begin()
        listing = pages(await self.store.client(), self.store.s3.bucket, self.prefix)
        async for folder, digest in by_folder(listing, self.prefix, [watch.depth], lambda _: Digest()):
            watch.saw(folder, digest)
        watch.passed()

    def _ended(self, polling: asyncio.Task[None]) -> None:
        """Passes the error of a poller that has ended to its waits: they would wait for nothing."""
        if not polling.cancelled() and (error := polling.exception()):
            for wait in tuple(self.waits):
                wait.tell(error)


def _start(poller: Poller, ended: Callable[[asyncio.Task[None]], None]) -> asyncio.Task[None]:
    """Starts the poller's task, in an empty context, so that its log lines do not belong to the task that came first."""
    task = asyncio.get_running_loop().create_task(poller.run(), name="landfall lister", context=contextvars.Context())
    task.add_done_callback(ended)
    return task


def prepare() -> None:
    """Imports and reads what the first lister of a process needs; opens nothing. It takes two seconds of CPU and 40 MB."""
    _prepared()


_stores: dict[tuple[asyncio.AbstractEventLoop, S3, str], AsyncStore] = {}
_listers: dict[tuple[AsyncStore, str], Lister] = {}


def _enter(s3: S3, prefix: str, queue_url: str) -> Lister:
    """The lister of this event loop for `prefix`; the caller holds it until `_leave`."""
    loop = asyncio.get_running_loop()
    if (store := _stores.get((loop, s3, queue_url))) is None:
        store = _stores[loop, s3, queue_url] = AsyncStore(s3, queue_url)
    if (lister := _listers.get((store, prefix))) is None:
        lister = _listers[store, prefix] = Lister(store, prefix)
        store.hearers[prefix] = lister.hint
        store.read_messages()
    lister.holders += 1
    return lister


async def _leave(lister: Lister) -> None:
    """Releases a lister. Without holders it stops, and with the last lister of a store the client is closed."""
    lister.holders -= 1
    if lister.holders:
        return
    store = lister.store
    del _listers[store, lister.prefix], store.hearers[lister.prefix]
    if not store.hearers:
        del _stores[store.loop, store.s3, store.queue_url]
    await lister.close()
    if not store.hearers:
        await store.close()


async def landed(
    s3: S3, landing: Landing, partition: Partition, *, tell: Callable[[LandingError], None], queue_url: str = ""
) -> None:
    """Returns when the partition is ready. Waits of the same event loop, store and prefix share one listing.

    Args:
        s3: The store.
        landing: Where the partition lands.
        partition: The partition.
        tell: Called once with an error that only a person can mend (no bucket, refused credentials), when it begins.
        queue_url: The SQS queue with messages about created objects; empty if there is none.

    Raises:
        LandingError: such an error, if the store has not answered since the wait began.
    """
    # One coroutine and one future for each wait: anything more, times 10,000 waits, would be megabytes.
    loop = asyncio.get_running_loop()
    wait = Wait.of(landing, partition, loop.create_future())
    lister = _enter(s3, landing.prefix, queue_url)
    try:
        lister.begin(wait)
        while news := await wait.news:
            if not wait.answered:
                raise news
            tell(news)
            wait.news = loop.create_future()
    finally:
        lister.end(wait)
        await _leave(lister)


async def changes(s3: S3, landing: Landing, *, queue_url: str = "") -> AsyncGenerator[None, None]:
    """Yields whenever an object came, went or was replaced under the landing's prefix, unless a wait here waits for it.

    It first yields as soon as there is anything at all. Changes before the next step of the caller are reported as one.
    Errors of the store are logged and waited out.

    Args:
        s3: The store.
        landing: The landing to watch.
        queue_url: The SQS queue with messages about created objects; empty if there is none.
    """
    lister = _enter(s3, landing.prefix, queue_url)
    try:
        async with aclosing(lister.changes(landing)) as changing:
            async for _ in changing:
                yield
    finally:
        await _leave(lister)
