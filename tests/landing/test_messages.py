"""Messages of S3 in a queue, followed as hints: a real SQS API on a local port."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote_plus, urlsplit
from uuid import uuid4

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from landfall.errors import SettingsError
from landfall.landing.events import messages
from landfall.landing.events.messages import created_objects, follow
from landfall.spec import S3

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

KEY = "bike_sharing/forecast/dt=2012-12-25/hours.csv"
Seen = list[tuple[str, str]]


def notification(*keys: str, name: str = "ObjectCreated:Put") -> str:
    """What S3 puts into a queue."""
    objects = [{"bucket": {"name": "landfall"}, "object": {"key": quote_plus(key), "sequencer": "0A"}} for key in keys]
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": one} for one in objects]})


TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landfall"})
EVENTBRIDGE = json.dumps(
    {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "landfall"}, "object": {"key": KEY}},
    }
)


@pytest.mark.parametrize(
    "body",
    [notification(KEY), json.dumps({"Type": "Notification", "Message": notification(KEY)}), EVENTBRIDGE],
    ids=["S3", "SNS", "EventBridge"],
)
def test_a_message_tells_the_bucket_and_the_decoded_key(body: str) -> None:
    assert "dt%3D2012-12-25" in notification(KEY)
    assert created_objects(body) == [("landfall", KEY)]


@pytest.mark.parametrize(
    ("body", "level", "line"),
    [
        (TEST_EVENT, logging.DEBUG, "A message was ignored: a test event of S3"),
        (notification(KEY, name="ObjectRemoved:Delete"), logging.DEBUG,
         "A message was ignored: creates no object: 'ObjectRemoved:Delete'"),
        ("x\nERROR y", logging.WARNING, "A message was ignored: not JSON: 'x\\nERROR y'"),
        ("{}", logging.WARNING, "A message was ignored: not an event of S3: {}"),
    ],
    ids=["test event", "removal", "no JSON", "no event"],
)  # fmt: skip
def test_what_creates_no_object_is_logged_escaped(
    caplog: pytest.LogCaptureFixture, body: str, level: int, line: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert created_objects(body) == []

    assert [(entry.levelno, entry.getMessage()) for entry in caplog.records] == [(level, line)]


@given(st.text(st.characters()))
def test_no_message_crashes_the_reader(body: str) -> None:
    assert created_objects(body) == []


@pytest.mark.parametrize("url", ["", "queue", "ftp://q/1", "https:///1/q", "https://sqs", "http://[/1/q"])
def test_what_is_not_the_url_of_a_queue_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        asyncio.run(follow(S3(bucket="landfall"), url, lambda _bucket, _key: None))

    assert str(error.value) == (
        f"{url!r} is not the URL of a queue.\n  looked: expected https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
    )


def test_a_queue_of_amazon_is_asked_at_amazons_endpoint_and_another_where_its_url_says() -> None:
    amazon, other = S3(bucket="landfall"), S3(bucket="landfall", endpoint="http://127.0.0.1:9000")

    assert messages._endpoint(amazon, "https://sqs.us-east-1.amazonaws.com/111122223333/landed") is None
    assert messages._endpoint(other, "http://queues:9324/000000000000/landed") == "http://queues:9324"


@dataclass
class Queue:
    """A queue of its own for a test, and what was seen in it."""

    sqs: "SQSClient"
    url: str
    seen: Seen = field(default_factory=list)

    @property
    def s3(self) -> S3:
        return S3(bucket="landfall", access_key="k", secret_key="s", endpoint="http://the.object.store:1")

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        """Messages that are waiting or were received and not deleted."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in counts.values())

    def take(self, bucket: str, key: str) -> None:
        self.seen.append((bucket, key))


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


def client(endpoint: str) -> "SQSClient":
    return boto3.client(
        "sqs", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )


def make_queue(server: ThreadedMotoServer) -> Queue:
    host, port = server.get_host_and_port()
    sqs = client(f"http://{host}:{port}")
    return Queue(sqs, sqs.create_queue(QueueName=f"landfall-{uuid4().hex[:8]}")["QueueUrl"])


@pytest.fixture
def queue(server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch) -> Queue:
    # The server goes on with a poll that was cancelled, so a short one ends before the next test.
    monkeypatch.setattr(messages, "LONG_POLL", 1)
    return make_queue(server)


def following(queue: Queue, until: Callable[[], bool], also: Callable[[], Awaitable[None]] | None = None) -> None:
    """Follow the queue until something holds, for a minute at most, then cancel."""

    async def run() -> None:
        task = asyncio.create_task(follow(queue.s3, queue.url, queue.take))
        give_up = time.monotonic() + 300
        if also:
            await also()
        while not await asyncio.to_thread(until):
            assert not task.done(), "follow ended by itself"
            assert time.monotonic() < give_up, f"seen {queue.seen}"
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_every_message_is_passed_on_and_deleted_whatever_it_says(queue: Queue) -> None:
    later, earlier = KEY.replace("25", "26"), KEY.replace("25", "24")
    queue.send(TEST_EVENT, notification(later), "rubbish", notification(KEY, "ü +.csv"), notification(KEY), EVENTBRIDGE)
    queue.send(*[notification(earlier)] * 12)

    following(queue, until=lambda: queue.left() == 0)

    expected = [later, KEY, "ü +.csv", KEY, KEY, *[earlier] * 12]
    assert sorted(queue.seen) == sorted(("landfall", key) for key in expected)


def test_a_message_that_comes_while_waiting_is_passed_on(queue: Queue) -> None:
    async def later() -> None:
        await asyncio.to_thread(queue.send, notification(KEY))

    following(queue, until=lambda: queue.left() == 0 and bool(queue.seen), also=later)

    assert queue.seen == [("landfall", KEY)]


def test_a_hint_that_is_not_taken_is_logged_and_deleted_and_the_next_is_passed_on(
    queue: Queue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(bucket: str, key: str) -> None:
        if key == "poison\n":
            raise ValueError(key)
        queue.seen.append((bucket, key))

    monkeypatch.setattr(queue, "take", take)
    queue.send(notification("poison\n", KEY))

    following(queue, until=lambda: queue.left() == 0)

    assert queue.seen == [("landfall", KEY)]
    assert [entry.getMessage() for entry in caplog.records if entry.name == messages.__name__] == [
        r"The hint that 'poison\n' landed in 'landfall' was not taken"
    ]


def test_an_outage_is_logged_once_and_ends(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(messages, "LONG_POLL", 1)
    monkeypatch.setattr(messages, "LONGEST_PAUSE", 0.1)
    first = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    first.start()
    queue = make_queue(first)
    queue.send(notification(KEY))
    first.stop()
    again = ThreadedMotoServer(ip_address="127.0.0.1", port=int(urlsplit(queue.url).port or 0), verbose=False)

    async def back_after_some_failures() -> None:
        failures = _count_failures(monkeypatch)
        while len(failures) < 3:
            await asyncio.sleep(0.02)
        await asyncio.to_thread(again.start)

    with caplog.at_level(logging.INFO, logger=messages.__name__):
        following(queue, until=lambda: len(queue.seen) == 1 and queue.left() == 0, also=back_after_some_failures)
    again.stop()

    began, ended = [entry.getMessage() for entry in caplog.records if entry.name == messages.__name__]
    where = f"http://127.0.0.1:{urlsplit(queue.url).port}"
    assert began == (
        f"Messages of the queue {queue.url} cannot be received; trying again until they can:"
        f" EndpointConnectionError('Could not connect to the endpoint URL: \"{where}/\"')"
    )
    assert ended.startswith(f"Messages of the queue {queue.url} cannot be received: over after ")
    assert ended.endswith(" failures")


def _count_failures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    counted: list[str] = []
    failed = messages._Outage.failed

    def counting(outage: messages._Outage, reason: str) -> float:
        counted.append(reason)
        return failed(outage, reason)

    monkeypatch.setattr(messages._Outage, "failed", counting)
    return counted


def test_a_queue_that_does_not_exist_is_waited_for(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    name = queue.url.rpartition("/")[2]
    queue.sqs.delete_queue(QueueUrl=queue.url)

    async def made() -> None:
        while not any(entry.levelno >= logging.WARNING for entry in caplog.records):
            await asyncio.sleep(0.02)
        await asyncio.to_thread(queue.sqs.create_queue, QueueName=name)
        await asyncio.to_thread(queue.send, notification(KEY))

    following(queue, until=lambda: queue.seen == [("landfall", KEY)], also=made)

    (line,) = [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert line.startswith(f"Messages of the queue {queue.url} cannot be received; trying again until they can: ")


def test_pauses_double_up_to_the_longest_and_vary() -> None:
    outage = messages._Outage("Nothing works")
    pauses = [outage.failed("x") for _ in range(2_000)]

    assert all(
        0.5 <= pause / min(messages.LONGEST_PAUSE, messages.FIRST_PAUSE * 2.0 ** min(number, 10)) <= 1
        for number, pause in enumerate(pauses)
    )
    assert len(set(pauses[100:])) > 1


def test_messages_that_cannot_be_deleted_are_logged_once_and_passed_on_again(
    queue: Queue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        """A queue in which deleting is not allowed, which moto cannot play."""

        async def delete_message_batch(self, **_more: object) -> dict[str, Any]:
            return {"Failed": [{"Id": "0", "Code": "AccessDenied\n"}]}

    outage = messages._Outage("Deleting does not work")
    monkeypatch.setattr(messages, "LONGEST_PAUSE", 0.0)
    for _ in range(3):
        asyncio.run(messages._delete(cast(messages.Queue, Stuck()), queue.url, [{"ReceiptHandle": "r"}], outage))

    assert [entry.getMessage() for entry in caplog.records] == [
        r"Deleting does not work; trying again until they can: 'AccessDenied\n'"
    ]
