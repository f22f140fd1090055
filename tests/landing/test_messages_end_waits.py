"""From an object to the end of a wait by way of a message: S3, its queue, the reader, the lister, the wait."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from landfall.errors import LandingError
from landfall.landing.events import messages
from landfall.landing.waiting import lister
from landfall.landing.waiting.lister import landed
from landfall.objects.client import connect
from landfall.spec import S3, Landing, Partition

DAYS = Landing(prefix="bikes/forecast")
CHRISTMAS = Partition.parse("2012-12-25")
NEVER = 3600.0


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """A store with an empty bucket, of a server that has queues too."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    where = S3(bucket="landings", access_key="key", secret_key="secret", endpoint=f"http://{host}:{port}")
    client: Any = connect(where)
    client.create_bucket(Bucket=where.bucket)
    yield where
    running.stop()


@pytest.fixture
def queue(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a queue that the bucket tells of every object that is created."""
    monkeypatch.setattr(messages, "LONG_POLL", 1)  # the server goes on with a poll that was cancelled
    sqs: Any = boto3.client(
        "sqs", "us-east-1", endpoint_url=s3.endpoint, aws_access_key_id="k", aws_secret_access_key="s"
    )
    url: str = sqs.create_queue(QueueName=f"landed-{time.monotonic_ns()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    tell(s3, [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}])
    return url


def tell(s3: S3, queues: list[dict[str, Any]]) -> None:
    """Set which queues the bucket tells of created objects."""
    client: Any = connect(s3)
    client.put_bucket_notification_configuration(
        Bucket=s3.bucket, NotificationConfiguration={"QueueConfigurations": queues}
    )


def put(s3: S3, partition: Partition) -> None:
    """An object of the partition, as another program lands it."""
    client: Any = connect(s3)
    key = f"{DAYS.folder(partition)}hours.csv"
    client.put_object(Bucket=s3.bucket, Key=key, Body=BytesIO(b"1"), ContentType="text/csv")


def begin(s3: S3, queue: str, partition: Partition) -> "asyncio.Task[None]":
    """A wait, begun."""

    def refuse(error: LandingError) -> None:
        raise error

    return asyncio.create_task(landed(s3, DAYS, partition, tell=refuse, queue_url=queue))


async def asked() -> None:
    """Return when every wait has been looked for once, and messages are read."""
    while not (
        lister._listers
        and all(one.store.hears and all(each.answered for each in one.waits) for one in lister._listers.values())
    ):
        await asyncio.sleep(0.01)


def test_a_message_ends_a_wait_that_would_not_list_for_an_hour(
    s3: S3, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSY", "QUIET", "WITH_MESSAGES"):
        monkeypatch.setattr(lister, name, NEVER)
    other = Partition.parse("2012-12-26")

    async def work() -> None:
        waiting, longer = begin(s3, queue, CHRISTMAS), begin(s3, queue, other)
        await asked()
        await asyncio.to_thread(put, s3, CHRISTMAS)
        await asyncio.wait_for(waiting, 20)
        assert not longer.done()
        longer.cancel()
        await asyncio.gather(longer, return_exceptions=True)

    asyncio.run(work())


@pytest.mark.parametrize("fate", ["was never sent", "was taken by a reader that crashed"])
def test_a_lost_message_costs_the_time_to_the_next_listing_and_nothing_else(
    s3: S3, queue: str, fate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader passes nothing on: the message was taken out of the queue by somebody who then crashed, or never came."""
    monkeypatch.setattr(lister.Lister, "hint", lambda self, key: None)
    for name in ("BUSY", "QUIET", "WITH_MESSAGES"):
        monkeypatch.setattr(lister, name, 1.5)
    day = Partition.parse("2013-01-01" if fate == "was never sent" else "2013-01-02")
    if fate == "was never sent":
        tell(s3, [])

    async def work() -> None:
        waiting = begin(s3, queue, day)
        await asked()
        await asyncio.to_thread(put, s3, day)
        await asyncio.wait_for(waiting, 20)

    asyncio.run(work())


def test_messages_that_tell_of_nothing_and_of_the_past_end_no_wait(s3: S3, queue: str) -> None:
    sqs: Any = boto3.client(
        "sqs", "us-east-1", endpoint_url=s3.endpoint, aws_access_key_id="k", aws_secret_access_key="s"
    )
    past = {"bucket": {"name": s3.bucket}, "object": {"key": f"{DAYS.folder(Partition.parse('2013-02-01'))}gone.csv"}}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": past}
    for body in ("x", json.dumps({"Event": "s3:TestEvent"}), json.dumps({"Records": [record, record]})):
        sqs.send_message(QueueUrl=queue, MessageBody=body)

    async def work() -> None:
        waiting = begin(s3, queue, Partition.parse("2013-02-01"))
        await asked()
        await asyncio.sleep(1.5)
        assert not waiting.done()
        await asyncio.to_thread(put, s3, Partition.parse("2013-02-01"))
        await asyncio.wait_for(waiting, 20)

    asyncio.run(work())
