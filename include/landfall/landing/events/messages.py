"""Messages that S3 sends to an SQS queue, taken as hints to look at a key now.

The listing remains the truth. A message that comes twice, late, out of order or not at all, or that nobody can read, changes
only when a partition is noticed. So every message is deleted as soon as it was passed on, whatever it contained.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from urllib.parse import urlsplit

from landfall.errors import SettingsError
from landfall.landing.events.s3_events import CreatedObject, read_text
from landfall.objects.client import access
from landfall.spec import S3

log = logging.getLogger(__name__)

LONG_POLL = 20
"""Seconds for which SQS holds a request open while there is no message; SQS's own limit."""
AT_ONCE = 10
"""Messages in one answer; SQS's own limit."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds between attempts during an outage: doubled each time, from the first to the longest."""


class Queue(Protocol):
    """The part of an aiobotocore SQS client that is used here."""

    async def receive_message(
        self, *, QueueUrl: str, WaitTimeSeconds: int, MaxNumberOfMessages: int
    ) -> dict[str, Any]: ...
    async def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]: ...


def created_objects(body: str) -> list[tuple[str, str]]:
    """(bucket, key) of every object that a message says was created, in order, keys decoded. Never raises.

    Takes S3's notifications, directly or through SNS, and EventBridge's events. Anything else gives nothing and is logged,
    escaped: what S3 also sends (its test event, removals) at debug, what S3 would not send at warning.
    """
    created = []
    for part in read_text(body):
        if isinstance(part, CreatedObject):
            created.append((part.bucket, part.key))
        else:
            log.log(logging.WARNING if part.rubbish else logging.DEBUG, "A message was ignored: %s", part.reason)
    return created


async def follow(s3: S3, queue_url: str, on_object: Callable[[str, str], None]) -> None:
    """Calls `on_object(bucket, key)` for every object that the queue's messages are about, until cancelled.

    A message is deleted after it was passed on, even if `on_object` failed, which is logged. While the queue cannot be
    reached, it is tried again after pauses that double and vary; the first failure of an outage is logged, and its end.

    Args:
        s3: Credentials and region: S3 sends only to queues in the bucket's own region. With an `endpoint` (a store other
            than Amazon's) the queue is reached at the address in its URL.
        queue_url: The queue.
        on_object: It must return at once, because it is called in the event loop.

    Raises:
        SettingsError: `queue_url` is not the URL of a queue.
    """
    endpoint = _endpoint(s3, queue_url)
    receiving = _Outage(f"Messages of the queue {queue_url} cannot be received")
    deleting = _Outage(f"Messages of the queue {queue_url} cannot be deleted, so they will come again")
    while True:
        try:
            async with _connect(s3, endpoint) as queue:
                while True:
                    answer = await queue.receive_message(
                        QueueUrl=queue_url, WaitTimeSeconds=LONG_POLL, MaxNumberOfMessages=AT_ONCE
                    )
                    receiving.ended()
                    messages = answer.get("Messages", [])
                    for message in messages:
                        _pass_on(str(message.get("Body", "")), on_object)
                    if messages:
                        await _delete(queue, queue_url, messages, deleting)
        # Any error at all: if hints stopped for good, that would be worse than one failure that is logged once.
        except Exception as error:
            await asyncio.sleep(receiving.failed(repr(error)))


def _pass_on(body: str, on_object: Callable[[str, str], None]) -> None:
    for bucket, key in created_objects(body):
        try:
            on_object(bucket, key)
        # The caller's code, so any error is possible; the other objects of the message are passed on nevertheless.
        except Exception:
            log.exception("The hint that %r landed in %r was not taken", key, bucket)


async def _delete(queue: Queue, queue_url: str, messages: list[dict[str, Any]], outage: "_Outage") -> None:
    """Deletes messages that were passed on. One that is not deleted comes again, so a failure costs a pause and no data."""
    entries = [{"Id": str(number), "ReceiptHandle": m["ReceiptHandle"]} for number, m in enumerate(messages)]
    try:
        failed = (await queue.delete_message_batch(QueueUrl=queue_url, Entries=entries)).get("Failed", [])
        reason = repr(failed[0].get("Code")) if failed else ""
    # Any error, as in `follow`. The pause is needed because with a visibility timeout of 0 the same messages come back at once.
    except Exception as error:
        reason = repr(error)
    if reason:
        await asyncio.sleep(outage.failed(reason))
    else:
        outage.ended()


class _Outage:
    """One operation that fails for some time. It is logged when this begins and when it ends, however many failures there are."""

    def __init__(self, what: str) -> None:
        self._what, self._failures = what, 0

    def failed(self, reason: str) -> float:
        """Notes one more failure; gives the seconds to pause, partly random, so that many clients do not come back together."""
        if not self._failures:
            log.warning("%s; trying again until they can: %s", self._what, reason)
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def ended(self) -> None:
        """Notes a success; logs the end of the outage, if there was one."""
        if self._failures:
            log.info("%s: over after %d failures", self._what, self._failures)
        self._failures = 0


def _connect(s3: S3, endpoint: str | None) -> AbstractAsyncContextManager[Queue]:
    """A client of SQS, with the object store's credentials."""
    from aiobotocore.config import AioConfig  # type: ignore[import-untyped, unused-ignore]
    from aiobotocore.session import get_session  # type: ignore[import-untyped, unused-ignore]

    # One attempt: the pauses are ours. A read must outlast the long poll.
    config = AioConfig(connect_timeout=3, read_timeout=LONG_POLL + 10, retries={"total_max_attempts": 1})
    client: AbstractAsyncContextManager[Queue] = get_session().create_client(
        "sqs", **{**access(s3), "endpoint_url": endpoint}, config=config
    )
    return client


def _endpoint(s3: S3, queue_url: str) -> str | None:
    """The address of SQS; None for Amazon's own."""
    try:
        parts = urlsplit(queue_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
        raise SettingsError(
            f"{queue_url!r} is not the URL of a queue.", looked="expected https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
        )
    return f"{parts.scheme}://{parts.netloc}" if s3.endpoint else None
