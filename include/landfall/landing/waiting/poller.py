"""How often to ask an object store: as often as is cheap, less and less while it does not answer, at once when nudged."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from landfall.errors import LandingError
from landfall.objects.errors import landing_error
from landfall.spec import S3

SHARE = 5.0
"""The pause is at least this many times as long as the last poll took, so polling takes at most a sixth of the time."""
FIRST, LONGEST = 1.0, 30.0
"""Seconds of the pause after one error; it doubles with each further error in a row, up to the longest."""
log = logging.getLogger(__name__)


def mended_by_a_person(error: Exception) -> bool:
    """True if waiting does not help against what botocore raised: there is no bucket, or the credentials are refused."""
    from botocore import exceptions as boto

    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return True
    if not isinstance(error, boto.ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in (401, 403) or error.response.get("Error", {}).get("Code") == "NoSuchBucket"


class Poller:
    """Calls `look` again and again, until it is cancelled.

    An error is logged when it begins or turns into another one, and so is its end.

    Args:
        s3: The store.
        prefix: What is listed, for the log.
        look: One poll. An error that it raises is an error of the store.
        usual: Gives the seconds from the end of one poll to the next.
        failed: Called with every error, and whether it is a new one.
    """

    def __init__(
        self,
        s3: S3,
        prefix: str,
        look: Callable[[], Awaitable[None]],
        usual: Callable[[], float],
        failed: Callable[[Exception, bool], Awaitable[None]] | None = None,
    ) -> None:
        self.s3, self.prefix, self.look, self.usual, self.failed = s3, prefix, look, usual, failed
        self.errors = 0
        """Errors in a row."""
        self._reported = ""
        self._gap = math.inf
        self._nudged = asyncio.Event()

    async def run(self) -> None:
        """Polls."""
        while True:
            self._gap, began = math.inf, time.monotonic()
            try:
                await self.look()
            except Exception as error:
                await self._error(error)
                pause = min(LONGEST, FIRST * 2.0 ** min(self.errors - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
                took = 0.0
            else:
                self._worked()
                took = time.monotonic() - began
                pause = max(self.usual(), SHARE * took) * random.uniform(0.85, 1.15)  # noqa: S311
            await self._rest(pause, took)

    def nudge(self, gap: float) -> None:
        """Polls early: `gap` seconds after the last poll ended, or as many seconds after it as that poll took."""
        self._gap = min(self._gap, gap)
        self._nudged.set()

    async def _rest(self, pause: float, took: float) -> None:
        ended = time.monotonic()
        while (left := ended + min(pause, max(self._gap, took)) - time.monotonic()) > 0:
            self._nudged.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._nudged.wait()

    async def _error(self, error: Exception) -> None:
        self.errors += 1
        doing = f"The landings under `{self.prefix}/` could not be listed"
        left = "what waits goes on waiting, and asks again"
        report = landing_error(error, doing=doing, bucket=self.s3.bucket, endpoint=self.s3.endpoint, left=left)
        new = report.what != self._reported
        if new:
            self._reported = report.what
            log.error("%s", report)
            log.debug("what was raised", exc_info=error)
        if self.failed:
            await self.failed(error, new)

    def _worked(self) -> None:
        if self._reported:
            log.info("The landings under `%s/` are listed again, after %d errors.", self.prefix, self.errors)
        self.errors, self._reported = 0, ""


def waiting_error(error: Exception, s3: S3, folder: str, left: str) -> LandingError:
    """The error for whoever waits for `folder`, made from what botocore raised."""
    return landing_error(error, doing=f"Waiting for `{folder}`", bucket=s3.bucket, endpoint=s3.endpoint, left=left)
